// The instruction sets that kernels are written for. This header is safe to include from a sealed ISA file.
#pragma once

#include <cstdint>

namespace apus {

// Ascending: a CPU that has one has all before it. avx2: + FMA, F16C. avx512: F, BW, DQ, VL. vnni: + VNNI, VBMI, VBMI2.
// bf16: + BF16.
enum class Isa : uint8_t { scalar, avx2, avx512, vnni, bf16 };

inline constexpr int kIsaCount = 5;

}  // namespace apus
