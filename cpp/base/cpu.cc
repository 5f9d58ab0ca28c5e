#include "base/cpu.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace apus {
namespace {

constexpr const char* kIsaNames[kIsaCount] = {"scalar", "neon", "dotprod", "avx2", "avx512", "vnni", "bf16", "amx"};

#if defined(__x86_64__)

struct Leaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Leaf leaf(unsigned number, unsigned sub = 0) {
  Leaf l;
  __get_cpuid_count(number, sub, &l.a, &l.b, &l.c, &l.d);
  return l;
}

// CPUID says what the silicon has; XCR0 says which registers the operating system saves. Both must agree.
uint64_t saved_state() {
  if (!(leaf(1).c & (1u << 27))) return 0;  // no OSXSAVE: XGETBV itself would fault
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

struct Feature {
  const char* name;
  unsigned leaf, sub;
  char reg;
  int bit;
  uint64_t state;  // XCR0 bits needed
};

constexpr uint64_t kYmm = 0x6, kZmm = 0xE6, kTile = 0x60000;
constexpr Feature kFeatures[] = {
    {"sse4.2", 1, 0, 'c', 20, 0},       {"avx", 1, 0, 'c', 28, kYmm},        {"f16c", 1, 0, 'c', 29, kYmm},
    {"fma", 1, 0, 'c', 12, kYmm},       {"avx2", 7, 0, 'b', 5, kYmm},        {"avx512f", 7, 0, 'b', 16, kZmm},
    {"avx512dq", 7, 0, 'b', 17, kZmm},  {"avx512bw", 7, 0, 'b', 30, kZmm},   {"avx512vl", 7, 0, 'b', 31, kZmm},
    {"avx512vbmi", 7, 0, 'c', 1, kZmm}, {"avx512vbmi2", 7, 0, 'c', 6, kZmm}, {"avx512vnni", 7, 0, 'c', 11, kZmm},
    {"avxvnni", 7, 1, 'a', 4, kYmm},    {"avx512bf16", 7, 1, 'a', 5, kZmm},  {"amx-bf16", 7, 0, 'd', 22, kTile},
    {"amx-tile", 7, 0, 'd', 24, kTile}, {"amx-int8", 7, 0, 'd', 25, kTile},
};

std::vector<std::string> detect_features() {
  std::vector<std::string> found;
  const uint64_t state = saved_state();
  for (const Feature& f : kFeatures) {
    const Leaf l = leaf(f.leaf, f.sub);
    const unsigned word = f.reg == 'a' ? l.a : f.reg == 'b' ? l.b : f.reg == 'c' ? l.c : l.d;
    if (((word >> f.bit) & 1) && (state & f.state) == f.state) found.emplace_back(f.name);
  }
  return found;
}

std::string detect_brand() {
  if (leaf(0x80000000u).a < 0x80000004u) return "unknown x86-64";
  char text[49] = {};
  for (unsigned i = 0; i < 3; ++i) {
    const Leaf l = leaf(0x80000002u + i);
    std::memcpy(text + 16 * i, &l, 16);
  }
  std::string brand(text);
  while (!brand.empty() && brand.back() == ' ') brand.pop_back();
  return brand;
}

#elif defined(__aarch64__)

// What the kernel lets programs use, under its own names.
struct Feature {
  const char* name;
  int bit;  // of AT_HWCAP
};

constexpr Feature kFeatures[] = {{"asimd", 1}, {"asimddp", 20}};

std::vector<std::string> detect_features() {
  std::vector<std::string> found;
  const unsigned long bits = getauxval(AT_HWCAP);
  for (const Feature& f : kFeatures)
    if ((bits >> f.bit) & 1) found.emplace_back(f.name);
  return found;
}

// Arm's processors have no name of their own, but a number for maker and model.
std::string detect_brand() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
  std::string model;
  return file >> model ? "AArch64 " + model : "AArch64";
}

#else

std::vector<std::string> detect_features() { return {}; }
std::string detect_brand() { return "unknown"; }

#endif

// Of the cache that core 0 sees at that index: Linux's own account, since sysconf adds up shared caches on some CPUs.
size_t cache_bytes(int index) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  size_t kilobytes = 0;
  char unit = 'K';
  if (!(file >> kilobytes)) return 0;
  file >> unit;
  return kilobytes * (unit == 'M' ? 1024 * 1024 : 1024);
}

[[maybe_unused]] bool has_all(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    bool found = false;
    for (const std::string& f : cpu_info().features) found |= f == name;
    if (!found) return false;
  }
  return true;
}

#if defined(__x86_64__)

constexpr Isa kOurs[] = {Isa::scalar, Isa::avx2, Isa::avx512, Isa::vnni, Isa::bf16, Isa::amx};

// Linux enlarges what it saves of a process only on request, and refuses where a signal stack is too small for it.
bool may_use_tiles() {
#if defined(APUS_EMULATED_AMX)
  return true;
#else
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return has_all({"amx-tile", "amx-int8", "amx-bf16"}) && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#endif
}

Isa detect_isa() {
  if (!has_all({"avx2", "fma", "f16c"})) return Isa::scalar;
  if (!has_all({"avx512f", "avx512bw", "avx512dq", "avx512vl"})) return Isa::avx2;
  if (!has_all({"avx512vnni", "avx512vbmi", "avx512vbmi2"})) return Isa::avx512;
  if (!has_all({"avx512bf16"})) return Isa::vnni;
  return may_use_tiles() ? Isa::amx : Isa::bf16;
}

#elif defined(__aarch64__)

constexpr Isa kOurs[] = {Isa::scalar, Isa::neon, Isa::dotprod};

Isa detect_isa() {
  if (!has_all({"asimd"})) return Isa::scalar;
  return has_all({"asimddp"}) ? Isa::dotprod : Isa::neon;
}

#else

constexpr Isa kOurs[] = {Isa::scalar};

Isa detect_isa() { return Isa::scalar; }

#endif

Isa choose_isa() {
  const char* wanted = std::getenv("APUS_ISA");
  if (wanted == nullptr || *wanted == '\0') return best_isa();
  if (const std::optional<Isa> isa = available_isa(wanted)) return *isa;
  std::string known;
  for (const std::string& name : available_isas()) known += (known.empty() ? "" : " ") + name;
  throw Error(ErrorKind::isa, "APUS_ISA=" + std::string(wanted) + ": this CPU and build offer: " + known);
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo info = [] {
    CpuInfo i;
    i.brand = detect_brand();
    i.features = detect_features();
    i.l1d = cache_bytes(0);
    i.l2 = cache_bytes(2);
    i.l3 = cache_bytes(3);
    i.cores = usable_cores();
    return i;
  }();
  return info;
}

Isa best_isa() {
  static const Isa isa = detect_isa();
  return isa;
}

Isa active_isa() {
  static const Isa isa = choose_isa();
  return isa;
}

const char* isa_name(Isa isa) { return kIsaNames[static_cast<int>(isa)]; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Isa isa : kOurs)
    if (isa <= best_isa()) names.emplace_back(isa_name(isa));
  return names;
}

std::optional<Isa> available_isa(const std::string& name) {
  for (const Isa isa : kOurs)
    if (isa <= best_isa() && name == isa_name(isa)) return isa;
  return std::nullopt;
}

}  // namespace apus
