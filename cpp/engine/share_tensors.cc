#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "engine/container.h"
#include "engine/reader.h"

namespace apus {
namespace {

struct Held {
  const uint8_t* data;
  const std::shared_ptr<FileBytes>* owner;
};
using AllHeld = std::multimap<std::pair<int64_t, uint32_t>, Held>;  // by length and checksum

// Whose bytes a tensor of `model` points into. What was lent is lent on by its first owner, so that no model is kept
// for the sake of what it borrowed.
const std::shared_ptr<FileBytes>* owner_of(const Model& model, const uint8_t* data) {
  const auto holds = [data](const std::shared_ptr<FileBytes>& bytes) {
    const auto all = bytes->bytes();
    return data >= all.data() && data < all.data() + all.size();
  };
  if (holds(model.bytes)) return &model.bytes;
  const auto lender = std::find_if(model.lent.begin(), model.lent.end(), holds);
  return lender == model.lent.end() ? nullptr : &*lender;
}

AllHeld all_held(std::span<const std::shared_ptr<const Model>> others) {
  AllHeld all;
  for (const auto& other : others) {
    for (const Tensor& tensor : other->tensors) {
      const auto* owner = owner_of(*other, tensor.data);
      if (owner != nullptr) all.insert({{tensor.length, tensor.crc}, {tensor.data, owner}});
    }
  }
  return all;
}

const Held* find(const AllHeld& all, const Tensor& tensor) {
  const auto [first, last] = all.equal_range({tensor.length, tensor.crc});
  for (auto at = first; at != last; ++at)
    if (std::memcmp(at->second.data, tensor.data, static_cast<size_t>(tensor.length)) == 0) return &at->second;
  return nullptr;
}

}  // namespace

void share_tensors(Model& model, std::span<const std::shared_ptr<const Model>> others) {
  const AllHeld held = all_held(others);
  std::vector<Tensor*> own;
  size_t bytes = 0;
  for (Tensor& tensor : model.tensors) {
    if (const Held* found = find(held, tensor)) {
      tensor.data = found->data;
      if (std::count(model.lent.begin(), model.lent.end(), *found->owner) == 0) model.lent.push_back(*found->owner);
    } else {
      own.push_back(&tensor);
      bytes += align_up(static_cast<size_t>(tensor.length));
    }
  }
  AlignedBuffer buffer = AlignedBuffer::hot(bytes);
  uint8_t* to = buffer.data();
  for (Tensor* tensor : own) {
    std::copy_n(tensor->data, tensor->length, to);
    tensor->data = std::exchange(to, to + align_up(static_cast<size_t>(tensor->length)));
  }
  model.bytes = FileBytes::own(std::move(buffer));
}

}  // namespace apus
