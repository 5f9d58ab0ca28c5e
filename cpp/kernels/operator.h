// An operator with constant weights, made ready for one shape: what conv and linear kernels have in common, so that a
// planner may weigh one against another.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

// Ends the name of a kernel whose weights of few bits were made int8 when it was.
inline constexpr char kUnpackedSuffix[] = "_unpacked";

class Operator {
 public:
  virtual ~Operator() = default;

  // Bytes of 64-byte aligned scratch for one image; 0: pass null and skip stage().
  virtual int64_t scratch_bytes() const = 0;

  // Whether each part stages what it computes, in scratch of its own: then stage() does nothing, and every part of
  // compute() is given scratch_bytes().
  virtual bool owns_scratch() const { return false; }

  // One image: stage() by every part, a barrier, then compute() by every part. 0 <= part < parts; `parts` is 1 or what
  // the operator was made for.
  virtual void stage(const void* x, void* scratch, int part, int parts) const = 0;
  virtual void compute(const void* x, void* scratch, void* y, int part, int parts) const = 0;

  virtual const char* kernel() const = 0;  // e.g. "conv_block16_u8_u8_vnni"
  virtual Isa isa() const = 0;
  virtual int64_t macs() const = 0;          // of one image, dense
  virtual int64_t nonzero_macs() const = 0;  // of the blocks present
  virtual double cost() const = 0;           // estimated cycles of one image
  // Of the parts it was made for: the busiest one's cycles beyond the mean, as a share of it. 0 where not known.
  virtual double imbalance() const { return 0; }
};

}  // namespace apus
