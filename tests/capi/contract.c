/* Every promise of apus.h that a C program can see: contract MODEL, whose inputs are a, b [N, 8] and whose outputs are
 * difference [N, 8] and levels (uint8). Prints the first broken promise and exits 1. */
#include <apus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(truth) ((truth) ? (void)0 : broken(__LINE__, #truth))
#define REFUSED(call, status, text) CHECK((call) == (status) && strstr(apus_error(), (text)) != NULL)

enum { COLUMNS = 8, ROWS = 5, CALLS = 300, THREADS = 4 };

static const float kA[ROWS * COLUMNS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, kB[ROWS * COLUMNS] = {0, 5, 1};
static float result[ROWS * COLUMNS];

static void broken(int line, const char* promise) {
  fprintf(stderr, "line %d: %s (%s)\n", line, promise, apus_error());
  exit(1);
}

static apus_input array(const char* name, const float* data, int64_t rows) {
  const apus_input input = {name, APUS_FLOAT32, 2, {rows, COLUMNS}, data, (size_t)rows * COLUMNS * sizeof(float)};
  return input;
}

static void models(const char* path) {
  apus_model* model = NULL;
  apus_value value;
  REFUSED(apus_model_open(NULL, &model), APUS_BAD_ARGUMENT, "path is null");
  REFUSED(apus_model_open(path, NULL), APUS_BAD_ARGUMENT, "model is null");
  REFUSED(apus_model_open("absent.apus", &model), APUS_MISSING_FILE, "absent.apus");
  REFUSED(apus_model_from_bytes("nonsense", 8, &model), APUS_BAD_MODEL, "too short");
  REFUSED(apus_model_from_bytes(NULL, 8, &model), APUS_BAD_ARGUMENT, "data is null");
  CHECK(model == NULL);
  CHECK(apus_model_open(path, &model) == APUS_OK);
  CHECK(apus_model_input_count(model) == 2 && apus_model_output_count(model) == 2);
  CHECK(apus_model_input(model, 1, &value) == APUS_OK && strcmp(value.name, "b") == 0);
  CHECK(value.dtype == APUS_FLOAT32 && value.rank == 2 && value.shape[0] == -1 && value.shape[1] == COLUMNS);
  CHECK(strcmp(value.symbols[0], "N") == 0 && value.symbols[1] == NULL);
  CHECK(apus_model_output(model, 1, &value) == APUS_OK && value.dtype == APUS_UINT8);
  REFUSED(apus_model_input(model, 2, &value), APUS_BAD_ARGUMENT, "index 2");
  REFUSED(apus_model_output(model, 0, NULL), APUS_BAD_ARGUMENT, "value is null");
  REFUSED(apus_model_input(NULL, 0, &value), APUS_BAD_ARGUMENT, "model is null");
  CHECK(strstr(apus_model_metadata(model), "\"made_by\"") != NULL);
  CHECK(apus_model_input_count(NULL) == 0 && strcmp(apus_model_metadata(NULL), "") == 0);
  apus_model_close(model);
  apus_model_close(NULL);
}

static apus_session* open_session(const char* path) {
  apus_model* model = NULL;
  apus_session* session = NULL;
  CHECK(apus_model_open(path, &model) == APUS_OK);
  REFUSED(apus_session_open(model, -1, &session), APUS_BAD_ARGUMENT, "threads");
  REFUSED(apus_session_open(NULL, 1, &session), APUS_BAD_ARGUMENT, "model is null");
  REFUSED(apus_session_open(model, 1, NULL), APUS_BAD_ARGUMENT, "session is null");
  CHECK(session == NULL && apus_session_threads(NULL) == 0);
  CHECK(apus_session_open(model, 0, &session) == APUS_OK && apus_session_threads(session) >= 1);
  apus_model_close(model); /* the session keeps what it needs */
  apus_session_close(NULL);
  return session;
}

static void refusals(apus_session* session) {
  apus_input in[3] = {array("b", kB, ROWS), array("a", kA, ROWS), array("a", kA, ROWS)};
  apus_output out = {"difference", result, sizeof result, APUS_BOOL, 0, {0}, 0};
#define RUN(text) REFUSED(apus_session_run(session, in, 2, &out, 1), APUS_BAD_ARGUMENT, text)
  REFUSED(apus_session_run(NULL, in, 2, &out, 1), APUS_BAD_ARGUMENT, "session is null");
  REFUSED(apus_session_run(session, NULL, 2, &out, 1), APUS_BAD_ARGUMENT, "inputs is null");
  REFUSED(apus_session_run(session, in, 1, &out, 1), APUS_BAD_ARGUMENT, "input 'a' is missing");
  REFUSED(apus_session_run(session, in, 3, &out, 1), APUS_BAD_ARGUMENT, "input 'a' is given twice");
  in[0].name = "c", RUN("no input 'c'; inputs are 'a', 'b'");
  in[0].name = NULL, RUN("input's name is null");
  in[0] = array("b", kB, ROWS), in[0].dtype = APUS_INT32, RUN("has dtype int32, the model takes float32");
  in[0] = array("b", kB, ROWS), in[0].rank = 9, RUN("rank 9");
  in[0] = array("b", kB, ROWS), in[0].rank = 1, RUN("'b'");
  in[0] = array("b", kB, ROWS), in[0].shape[1] = 7, RUN("the model declares [N, 8]");
  in[0] = array("b", kB, ROWS), in[0].shape[0] = -5, RUN("negative");
  in[0] = array("b", kB, ROWS), in[0].shape[0] = INT64_MAX, RUN("63 bits");
  in[0] = array("b", kB, ROWS), in[0].bytes -= 1, RUN("takes 160 bytes");
  in[0] = array("b", NULL, ROWS), RUN("data is null");
  in[0] = array("b", (const float*)((const char*)kB + 1), ROWS), RUN("aligned");
  in[0] = array("b", kB, ROWS), out.name = "nothing", RUN("no output 'nothing'; outputs are 'difference', 'levels'");
  out.name = "difference", out.data = NULL, RUN("data is null");
  out.data = result, out.capacity = 159;
  REFUSED(apus_session_run(session, in, 2, &out, 1), APUS_SMALL_BUFFER, "takes 160 bytes, its buffer has 159");
  CHECK(out.bytes == 160 && out.rank == 2 && out.shape[0] == ROWS && out.dtype == APUS_FLOAT32);
  CHECK(result[0] == 0); /* nothing has run */
}

static void runs(apus_session* session) {
  const apus_input in[2] = {array("b", kB, ROWS), array("a", kA, ROWS)};
  unsigned char levels[ROWS * COLUMNS];
  apus_output out[2] = {{"levels", levels, sizeof levels, APUS_BOOL, 0, {0}, 0},
                        {"difference", NULL, 0, APUS_BOOL, 0, {0}, 0}};
  CHECK(apus_session_measure(session, in, 2, out, 2) == APUS_OK);
  CHECK(out[0].bytes == sizeof levels && out[1].bytes == sizeof result && out[1].shape[1] == COLUMNS);
  out[1].data = result, out[1].capacity = sizeof result;
  CHECK(apus_session_run(session, in, 2, out, 2) == APUS_OK);
  for (int i = 0; i < ROWS * COLUMNS; ++i) CHECK(result[i] == kA[i] - kB[i]);
  CHECK(levels[1] == 100 - 6 && levels[3] == 100 + 8); /* scale 0.5, zero point 100 */
  CHECK(apus_session_run(session, in, 2, NULL, 0) == APUS_OK);
}

static void* share(void* session) {
  CHECK(strcmp(apus_error(), "") == 0); /* errors are each thread's own */
  for (int call = 0; call < CALLS; ++call) {
    const int rows = 1 + call % ROWS;
    float mine[ROWS * COLUMNS];
    const apus_input in[2] = {array("a", kA, rows), array("b", kB, rows)};
    apus_output out = {"difference", mine, sizeof mine, APUS_BOOL, 0, {0}, 0};
    CHECK(apus_session_run(session, in, 2, &out, 1) == APUS_OK && out.shape[0] == rows);
    CHECK(memcmp(mine, result, out.bytes) == 0);
  }
  return NULL;
}

int main(int argc, char** argv) {
  CHECK(argc == 2 && strcmp(apus_error(), "") == 0);
  const char* isa = NULL;
  CHECK(apus_isa(&isa) == APUS_OK && isa != NULL && apus_dtype_size(APUS_INT64) == 8);
  CHECK(strcmp(apus_status_name(APUS_INTERNAL), "APUS_INTERNAL") == 0 && apus_dtype_size((apus_dtype)12) == 0);
  models(argv[1]);
  apus_session* session = open_session(argv[1]);
  refusals(session);
  runs(session);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], NULL, share, session) == 0);
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  apus_session_close(session);
  printf("kept on %s\n", isa);
  return 0;
}
