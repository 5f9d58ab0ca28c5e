// The instruction sets that kernels are written for. This header is safe to include from a sealed ISA file.
#pragma once

#include <cstdint>

namespace apus {

// Ascending within each architecture: a CPU that has one has all of its architecture before it. AArch64: neon, dotprod.
// x86-64: avx2: + FMA, F16C. avx512: F, BW, DQ, VL. vnni: + VNNI, VBMI, VBMI2. bf16: + BF16. amx: + TILE, INT8, BF16.
enum class Isa : uint8_t { scalar, neon, dotprod, avx2, avx512, vnni, bf16, amx };

inline constexpr int kIsaCount = 8;

}  // namespace apus
