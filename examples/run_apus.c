/* Run an .apus network from C99: run_apus MODEL SIZE INPUT.raw... OUTPUT.raw...
 *
 * One raw file (C order, native bytes) per input and then per output, in the model's order. SIZE is what every symbolic
 * dimension, such as the batch, becomes. Build, after `cmake -S . -B build/c && cmake --build build/c`:
 *
 *     cc -std=c99 -Icpp/c examples/run_apus.c -Lbuild/c -lapus -lstdc++ -lm -pthread -o run_apus */
#include <apus.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ARRAYS 16

static void check(apus_status status) {
  if (status == APUS_OK) return;
  fprintf(stderr, "%s: %s\n", apus_status_name(status), apus_error());
  exit(2);
}

static void fail(const char* what, const char* name) {
  fprintf(stderr, "%s: %s\n", name, what);
  exit(2);
}

static void transfer(const char* path, const char* mode, void* data, size_t bytes) {
  FILE* file = fopen(path, mode);
  if (file == NULL) fail("cannot be opened", path);
  const int reading = mode[0] == 'r';
  const size_t done = reading ? fread(data, 1, bytes, file) : fwrite(data, 1, bytes, file);
  if (done != bytes || (reading && fgetc(file) != EOF)) fail("has not the size that the model asks for", path);
  if (fclose(file) != 0) fail("cannot be written", path);
}

static void* allocate(size_t bytes) {
  void* data = malloc(bytes + 1);
  if (data == NULL) fail("no memory", "run_apus");
  return data;
}

static apus_input read_input(const apus_model* model, size_t index, int64_t size, const char* path) {
  apus_value value;
  check(apus_model_input(model, index, &value));
  apus_input input = {value.name, value.dtype, value.rank, {0}, NULL, apus_dtype_size(value.dtype)};
  for (size_t i = 0; i < value.rank; ++i) {
    input.shape[i] = value.shape[i] < 0 ? size : value.shape[i];
    input.bytes *= (size_t)input.shape[i];
  }
  void* data = allocate(input.bytes);
  transfer(path, "rb", data, input.bytes);
  input.data = data;
  return input;
}

int main(int argc, char** argv) {
  if (argc < 4) fail("MODEL SIZE INPUT.raw... OUTPUT.raw...", argv[0]);
  apus_model* model;
  apus_session* session;
  apus_input inputs[MAX_ARRAYS];
  apus_output outputs[MAX_ARRAYS] = {{0}};
  check(apus_model_open(argv[1], &model));
  check(apus_session_open(model, 1, &session));

  const size_t ins = apus_model_input_count(model), outs = apus_model_output_count(model);
  const int64_t size = strtoll(argv[2], NULL, 10);
  if (ins > MAX_ARRAYS || outs > MAX_ARRAYS || size < 0) fail("too many arrays, or SIZE is negative", argv[1]);
  if ((size_t)argc != 3 + ins + outs) fail("needs one raw file per input and output", argv[1]);

  for (size_t i = 0; i < ins; ++i) inputs[i] = read_input(model, i, size, argv[3 + i]);
  for (size_t i = 0; i < outs; ++i) {
    apus_value value;
    check(apus_model_output(model, i, &value));
    outputs[i].name = value.name;
  }
  check(apus_session_measure(session, inputs, ins, outputs, outs));
  for (size_t i = 0; i < outs; ++i) {
    outputs[i].data = allocate(outputs[i].bytes);
    outputs[i].capacity = outputs[i].bytes;
  }
  check(apus_session_run(session, inputs, ins, outputs, outs));
  for (size_t i = 0; i < outs; ++i) {
    transfer(argv[3 + ins + i], "wb", outputs[i].data, outputs[i].bytes);
    printf("%s: %s", outputs[i].name, apus_dtype_name(outputs[i].dtype));
    for (size_t d = 0; d < outputs[i].rank; ++d) printf(" %lld", (long long)outputs[i].shape[d]);
    printf("\n");
    free(outputs[i].data);
  }
  for (size_t i = 0; i < ins; ++i) free((void*)inputs[i].data);
  apus_session_close(session);
  apus_model_close(model);
  return 0;
}
