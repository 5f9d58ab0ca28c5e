// TorchTPU gives its library options that only libtpu knows. This passes XLA's CPU plug-in everything but those.
// Built by emulation.py against the plug-in package's own pjrt_c_api.h; APUS_PJRT_PLUGIN names the plug-in.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt_c_api.h"

static const PJRT_Api* real;
// The plug-in's table may be longer than our header's: room for what we do not know of.
static union {
  PJRT_Api known;
  char room[65536];
} api;

static PJRT_Error* create_without_options(PJRT_Client_Create_Args* args) {
  size_t options = args->num_options;
  args->num_options = 0;
  PJRT_Error* error = real->PJRT_Client_Create(args);
  args->num_options = options;
  return error;
}

const PJRT_Api* GetPjrtApi(void) {
  if (real) return &api.known;
  void* plugin = dlopen(getenv("APUS_PJRT_PLUGIN"), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (!plugin) {
    fprintf(stderr, "%s\n", dlerror());
    abort();
  }
  real = ((const PJRT_Api* (*)(void))dlsym(plugin, "GetPjrtApi"))();
  memcpy(api.room, real, real->struct_size);
  api.known.PJRT_Client_Create = create_without_options;
  return &api.known;
}
