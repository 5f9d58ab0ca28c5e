// CRC-32C (Castagnoli, reflected, polynomial 0x82F63B78), as in iSCSI and ext4.
#pragma once

#include <cstddef>
#include <cstdint>

namespace apus {

// `seed` is the CRC of the bytes before, so crc32c(b, n, crc32c(a, m)) is the CRC of a followed by b.
uint32_t crc32c(const void* data, size_t bytes, uint32_t seed = 0);

}  // namespace apus
