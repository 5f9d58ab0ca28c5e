/* Runs recorded cases on this processor and compares: replay CASES THREADS. Written by tests/engine/test_aarch64.py.
 *
 * CASES, all little-endian: per case a text (name), an array (the .apus file), u32 inputs, each a text, u32 dtype, u32
 * rank, i64 shape[8] and an array; then u32 dtype of the output "y", f64 tolerance, and an array with what is expected.
 * A text or array is u64 bytes and the bytes. Floats may be off by tolerance * (1 + |expected|), all else by nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apus.h"

#define MOST_INPUTS 8

typedef struct bytes {
  unsigned char* data; /* with a terminating 0 */
  uint64_t size;
} bytes;

static void stop(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(2);
}

static int get(FILE* file, void* to, size_t size) { return fread(to, 1, size, file) == size; }

static bytes get_bytes(FILE* file) {
  bytes b = {NULL, 0};
  if (!get(file, &b.size, 8)) return b;
  b.data = malloc(b.size + 64);
  if (b.data == NULL || !get(file, b.data, b.size)) stop("the file of cases is cut short");
  b.data[b.size] = 0;
  return b;
}

static void get_input(FILE* file, apus_input* input) {
  uint32_t head[2];
  bytes name = get_bytes(file), array;
  if (!get(file, head, 8) || !get(file, input->shape, 64)) stop("the file of cases is cut short");
  array = get_bytes(file);
  input->name = (const char*)name.data;
  input->dtype = (apus_dtype)head[0];
  input->rank = head[1];
  input->data = array.data;
  input->bytes = array.size;
}

static int same(const bytes* got, const bytes* want, uint32_t dtype, double tolerance) {
  uint64_t i;
  const float *a = (const float*)got->data, *b = (const float*)want->data;
  if (dtype != APUS_FLOAT32) return memcmp(got->data, want->data, want->size) == 0;
  for (i = 0; i < want->size / 4; ++i) {
    if (a[i] == b[i] || (a[i] != a[i] && b[i] != b[i])) continue;
    if (!(fabs((double)a[i] - b[i]) <= tolerance * (1 + fabs((double)b[i])))) return 0;
  }
  return 1;
}

/* 1 if the next case went right, 0 if not, -1 at the end of the file. */
static int replay(FILE* file, int threads) {
  apus_input inputs[MOST_INPUTS];
  apus_output output;
  apus_model* model = NULL;
  apus_session* session = NULL;
  uint32_t count, dtype, i;
  double tolerance;
  int right;
  bytes name = get_bytes(file), artifact, want, got;
  if (name.data == NULL) return -1;
  artifact = get_bytes(file);
  if (!get(file, &count, 4) || count > MOST_INPUTS) stop("the file of cases is damaged");
  for (i = 0; i < count; ++i) get_input(file, &inputs[i]);
  if (!get(file, &dtype, 4) || !get(file, &tolerance, 8)) stop("the file of cases is cut short");
  want = get_bytes(file);
  got.size = want.size;
  got.data = malloc(want.size + 64);
  memset(&output, 0, sizeof output);
  output.name = "y";
  output.data = got.data;
  output.capacity = got.size;
  right = apus_model_from_bytes(artifact.data, artifact.size, &model) == APUS_OK &&
          apus_session_open(model, threads, &session) == APUS_OK &&
          apus_session_run(session, inputs, count, &output, 1) == APUS_OK;
  if (!right) fprintf(stderr, "%s: %s\n", (const char*)name.data, apus_error());
  if (right && (output.bytes != want.size || !same(&got, &want, dtype, tolerance))) {
    fprintf(stderr, "%s: another result\n", (const char*)name.data);
    right = 0;
  }
  apus_session_close(session);
  apus_model_close(model);
  for (i = 0; i < count; ++i) free((void*)inputs[i].name), free((void*)inputs[i].data);
  free(name.data), free(artifact.data), free(want.data), free(got.data);
  return right;
}

int main(int count, char** arguments) {
  FILE* file = count == 3 ? fopen(arguments[1], "rb") : NULL;
  const char* isa = "";
  int right = 0, wrong = 0, one;
  if (file == NULL) stop("replay CASES THREADS");
  while ((one = replay(file, atoi(arguments[2]))) >= 0) one ? ++right : ++wrong;
  fclose(file);
  if (apus_isa(&isa) != APUS_OK) stop(apus_error());
  printf("%s: %d right, %d wrong\n", isa, right, wrong);
  return wrong == 0 && right > 0 ? 0 : 1;
}
