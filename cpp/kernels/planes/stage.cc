#include <algorithm>
#include <cstring>

#include "kernels/planes/planes.h"

namespace apus {
namespace {

template <class T>
void copy(T* to, const T* from, int64_t count, bool roomy) {
  const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
  if (!roomy) return void(std::memcpy(to, from, bytes));
  for (int64_t i = 0; i < bytes; i += 16)
    std::memcpy(reinterpret_cast<char*>(to) + i, reinterpret_cast<const char*>(from) + i, 16);
}

template <class T>
void fill(T* to, int64_t count, T value, bool roomy) {
  constexpr int64_t n = 16 / sizeof(T);
  if (!roomy) return void(std::fill_n(to, count, value));
  for (int64_t i = 0; i < count; i += n) std::fill_n(to + i, n, value);
}

}  // namespace

void Planes::stage(const void* x, void* staged, int part, int parts) const {
  if (direct_) return;
  const int64_t first = window_.channels * part / parts, last = window_.channels * (part + 1) / parts;
  stage_range(x, staged, first, last);
  if (last == window_.channels) stage_end(staged, last);
}

void Planes::stage_first(const void* x, void* staged, int64_t channels) const {
  if (direct_) return;
  stage_range(x, staged, 0, channels);
  stage_end(staged, channels);
}

void Planes::stage_range(const void* x, void* staged, int64_t first, int64_t last) const {
  if (rows_kernel_)
    stage_rows(x, staged, first, last);
  else if (kernel_)
    stage_lines(x, staged, first, last);
  else if (element_ == Element::f32)
    stage_channels(static_cast<const float*>(x), static_cast<float*>(staged), first, last);
  else
    stage_channels(static_cast<const uint8_t*>(x), static_cast<uint8_t*>(staged), first, last);
}

void Planes::stage_rows(const void* x, void* staged, int64_t first, int64_t last) const {
  const int64_t image = window_.height * window_.width;
  rows_kernel_({static_cast<const uint8_t*>(x) + first * image, static_cast<uint8_t*>(staged) + first * channel_,
                last - first, image, channel_, row_sources_.data(), static_cast<int64_t>(row_sources_.size()),
                window_.width, columns_.pad, pitch_, pad_value_});
}

bool Planes::stages_positions() const {
  return !direct_ && !rows_kernel_ && kernel_ && rows_.remainders.size() * columns_.remainders.size() == 1;
}

// The last row's right padding is the next channel's left one: what is read past a channel's end is its first lines.
void Planes::stage_positions(const void* x, void* staged, int64_t first, int64_t last) const {
  const int64_t taps = window_.kernel[0] * window_.kernel[1], line = 64 / element_size(element_);
  const int64_t end = (last + offset(taps - 1) + line - 1) / line, lines = static_cast<int64_t>(lines_.size());
  stage_lines(x, staged, 0, window_.channels, first / line, std::min(end, lines));
  if (end > lines) stage_lines(x, staged, 0, window_.channels, 0, std::min(end - lines, first / line));
  stage_end(staged, window_.channels);
}

void Planes::stage_lines(const void* x, void* staged, int64_t first, int64_t last) const {
  stage_lines(x, staged, first, last, 0, static_cast<int64_t>(lines_.size()));
}

void Planes::stage_lines(const void* x, void* staged, int64_t first, int64_t last, int64_t line, int64_t end) const {
  const int64_t x_channel = window_.height * window_.width * element_size(element_);
  const int64_t staged_channel = channel_ * element_size(element_);
  char* to = static_cast<char*>(staged);
  kernel_({static_cast<const char*>(x) + first * x_channel, to + first * staged_channel + 64 * line, last - first,
           x_channel, staged_channel, pieces_.data(), lines_.data() + line, end - line, pad_value_});
}

// What vectors read past the last row, and its shared padding.
void Planes::stage_end(void* staged, int64_t channels) const {
  char* end = static_cast<char*>(staged) + channels * channel_ * element_size(element_);
  if (element_ == Element::u8)
    std::memset(end, pad_value_, columns_.shared);
  else
    std::memset(end, 0, columns_.shared * 4);
}

template <class T>
void Planes::stage_channels(const T* x, T* staged, int64_t first, int64_t last) const {
  for (int64_t c = first; c < last; ++c) {
    T *row = staged + c * channel_, *next = row + channel_;
    for (const int64_t row_remainder : rows_.remainders) {
      for (const Span& span : spans_) {
        for (int64_t i = 0; i < rows_.length; ++i, row += pitch_) {
          const int64_t y = i * rows_.stride + row_remainder - rows_.pad;
          const bool inside = y >= 0 && y < window_.height;
          const bool roomy = row + 2 * pitch_ + 16 <= next;
          if (inside)
            stage_row(x + (c * window_.height + y) * window_.width, row, span, roomy);
          else
            fill(row, pitch_, static_cast<T>(pad_value_), roomy);
        }
      }
    }
    std::fill(row, next, static_cast<T>(pad_value_));
  }
}

// `roomy`: what whole 16-byte pieces write too much is still to be written over, by later rows of this channel.
template <class T>
void Planes::stage_row(const T* x, T* staged, const Span& span, bool roomy) const {
  const int64_t stride = columns_.stride, count = span.end - span.begin;
  const T* from = x + span.first;
  fill(staged, span.begin, static_cast<T>(pad_value_), roomy);
  if (stride == 1)
    copy(staged + span.begin, from, count, roomy);
  else if (stride == 2)
    for (int64_t j = 0; j < count; ++j) staged[span.begin + j] = from[2 * j];
  else
    for (int64_t j = 0; j < count; ++j) staged[span.begin + j] = from[stride * j];
  fill(staged + span.end, pitch_ - span.end, static_cast<T>(pad_value_), roomy);
}

}  // namespace apus
