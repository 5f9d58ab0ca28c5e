/* Run .apus networks from C: no Python, no C++ in sight.
 *
 * Every function that can fail returns a status; apus_error() then says what was wrong, in this thread. No exception
 * crosses this boundary. A model is immutable and may be shared by sessions and threads; a session may be shared by
 * threads, whose runs take turns. A session keeps what it needs of its model alive, so either may be closed first.
 * Texts and shapes that a model hands out live as long as the model. See examples/run_apus.c. */
#ifndef APUS_H_
#define APUS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define APUS_NOEXCEPT noexcept
extern "C" {
#else
#define APUS_NOEXCEPT
#endif

#define APUS_MAX_RANK 8

typedef enum apus_status {
  APUS_OK = 0,
  APUS_BAD_ARGUMENT = 1,  /* a wrong name, dtype, shape or size, or a null pointer */
  APUS_MISSING_FILE = 2,  /* there is no such file, or it cannot be read */
  APUS_BAD_MODEL = 3,     /* the .apus is damaged, hostile or from a newer version */
  APUS_BAD_ISA = 4,       /* APUS_ISA names an instruction set that this CPU or build lacks */
  APUS_SMALL_BUFFER = 5,  /* an output's buffer is too small; `bytes` of each output says what it takes */
  APUS_OUT_OF_MEMORY = 6, /* the system refused memory */
  APUS_INTERNAL = 7       /* a bug of ours */
} apus_status;

typedef enum apus_dtype {
  APUS_FLOAT32 = 0,
  APUS_UINT8 = 1,
  APUS_INT8 = 2,
  APUS_INT32 = 3,
  APUS_INT64 = 4,
  APUS_BOOL = 5, /* a byte, 0 or 1 */
  APUS_FLOAT64 = 6,
  APUS_INT16 = 7,
  APUS_UINT16 = 8,
  APUS_UINT32 = 9,
  APUS_UINT64 = 10,
  APUS_FLOAT16 = 11
} apus_dtype;

typedef struct apus_model apus_model;
typedef struct apus_session apus_session;

/* An input or output as the model declares it. */
typedef struct apus_value {
  const char* name;
  apus_dtype dtype;
  size_t rank;
  int64_t shape[APUS_MAX_RANK];       /* -1: any size, the same wherever the symbol is the same */
  const char* symbols[APUS_MAX_RANK]; /* name of such a dimension; NULL of a fixed one */
} apus_value;

/* The caller's array, C-contiguous and aligned to its dtype. It is read where it lies: nothing is converted or kept. */
typedef struct apus_input {
  const char* name;
  apus_dtype dtype;
  size_t rank;
  int64_t shape[APUS_MAX_RANK];
  const void* data;
  size_t bytes; /* of the array; must agree with dtype and shape */
} apus_input;

/* A buffer for one output; the run writes into it directly, and it must overlap no other array of the run. */
typedef struct apus_output {
  const char* name;
  void* data;
  size_t capacity;  /* bytes of the buffer */
  apus_dtype dtype; /* set by the call, as are all below */
  size_t rank;
  int64_t shape[APUS_MAX_RANK];
  size_t bytes; /* that the output takes */
} apus_output;

/* What was wrong in the last call of this thread that failed; "" if none did. Valid until its next failure. */
const char* apus_error(void) APUS_NOEXCEPT;

/* Name of a status ("APUS_OK") or dtype ("float32"), and bytes of an element of a dtype; "unknown" and 0 otherwise. */
const char* apus_status_name(apus_status status) APUS_NOEXCEPT;
const char* apus_dtype_name(apus_dtype dtype) APUS_NOEXCEPT;
size_t apus_dtype_size(apus_dtype dtype) APUS_NOEXCEPT;

/* The instruction set in use, such as "vnni" or "dotprod". */
apus_status apus_isa(const char** name) APUS_NOEXCEPT;

/* Open and check a model. The file is mapped: it must not change while the model lives. The bytes are copied. */
apus_status apus_model_open(const char* path, apus_model** model) APUS_NOEXCEPT;
apus_status apus_model_from_bytes(const void* data, size_t bytes, apus_model** model) APUS_NOEXCEPT;
void apus_model_close(apus_model* model) APUS_NOEXCEPT;

/* How many inputs and outputs there are (0 of a null model), and what they are. */
size_t apus_model_input_count(const apus_model* model) APUS_NOEXCEPT;
size_t apus_model_output_count(const apus_model* model) APUS_NOEXCEPT;
apus_status apus_model_input(const apus_model* model, size_t index, apus_value* value) APUS_NOEXCEPT;
apus_status apus_model_output(const apus_model* model, size_t index, apus_value* value) APUS_NOEXCEPT;
/* What the file says about itself, as JSON; "" of a null model. */
const char* apus_model_metadata(const apus_model* model) APUS_NOEXCEPT;

/* `threads` per layer; 0: every core that this process may use, and never more than those. */
apus_status apus_session_open(const apus_model* model, int threads, apus_session** session) APUS_NOEXCEPT;
void apus_session_close(apus_session* session) APUS_NOEXCEPT;
int apus_session_threads(const apus_session* session) APUS_NOEXCEPT;

/* Fill in dtype, rank, shape and bytes of the outputs for inputs like these, without running; no `data` is looked at.
 * Buffers of this size then serve every run with inputs of the same shapes. */
apus_status apus_session_measure(apus_session* session, const apus_input* inputs, size_t input_count,
                                 apus_output* outputs, size_t output_count) APUS_NOEXCEPT;

/* Run once. Give every input, and the outputs that are wanted, in any order. On failure nothing has run. */
apus_status apus_session_run(apus_session* session, const apus_input* inputs, size_t input_count, apus_output* outputs,
                             size_t output_count) APUS_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
