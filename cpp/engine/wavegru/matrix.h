// A matrix of WaveGRU, packed at load from plain rows into one of the formats of kernels/wavegru.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "kernels/wavegru/wavegru.h"

namespace apus {

// "dense", "csr", "block16", "block16-bf16" or "block16-int8"; throws Error(run) for another name.
WaveGruKind wavegru_kind(const std::string& name);

class WaveGruPacked {
 public:
  // rows: [outputs, inputs], both multiples of 16; zeros (blocks of zeros) are left out by the sparse kinds. int8
  // scales each row by its largest weight, and takes up to 1024 inputs. Throws Error(run).
  WaveGruPacked(WaveGruKind kind, const float* rows, const float* bias, int64_t outputs, int64_t inputs);
  WaveGruPacked(const WaveGruPacked&) = delete;
  WaveGruPacked& operator=(const WaveGruPacked&) = delete;

  const WaveGruMatrix& view() const { return view_; }
  WaveGruKind kind() const { return kind_; }
  bool quantised() const { return kind_ == WaveGruKind::block_s8; }
  int64_t nonzeros() const { return nonzeros_; }  // weights stored, padding of groups included
  int64_t bytes() const { return bytes_; }        // of values, columns, and int8's scales

  // Cuts strips at `parts` equal shares of the work of all gates of a unit: unit strips are outputs / 16 / gates.
  std::vector<int64_t> cuts(int64_t gates, int parts) const;

 private:
  void pack_dense(const float* rows);
  void pack_csr(const float* rows);
  void pack_blocks(const float* rows);
  void pack_groups(const float* rows);
  void add_gathers();
  std::vector<uint16_t> living(const float* rows, int64_t strip) const;

  WaveGruKind kind_;
  WaveGruMatrix view_;
  AlignedBuffer values_, gather_;
  std::vector<uint32_t> strips_, gathers_;
  std::vector<uint16_t> columns_;
  std::vector<float> bias_;
  int64_t nonzeros_ = 0, bytes_ = 0;
};

}  // namespace apus
