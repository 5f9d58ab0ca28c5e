// Counts what runs of a plan allocate: allocations MODEL THREADS prints the number over ten runs, symbolic dimensions 3.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/cpu.h"
#include "engine/plan.h"
#include "engine/pool.h"

static std::atomic<long> count{0};

void* operator new(size_t bytes) {
  ++count;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  ++count;
  const size_t step = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (bytes + step) / step * step)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

int main(int, char** arguments) {
  using namespace apus;
  const int threads = std::atoi(arguments[2]);
  const auto model = read_model_file(arguments[1]);
  std::vector<Shape> shapes;
  std::vector<std::vector<uint8_t>> arrays;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (int value : model->inputs) {
    Shape& shape = shapes.emplace_back();
    for (const Dim& d : model->values[static_cast<size_t>(value)].shape) shape.push_back(d.size < 0 ? 3 : d.size);
    arrays.emplace_back(static_cast<size_t>(items_of(shape)) * 8 + 64);
  }
  PlanOptions options;
  options.threads = threads, options.isa = active_isa(), options.parallel_cycles = 0;
  Plan plan(model, shapes, options);
  for (auto& array : arrays) inputs.push_back(array.data());
  std::vector<std::vector<uint8_t>> results;
  for (const Shape& shape : plan.output_shapes()) results.emplace_back(static_cast<size_t>(items_of(shape)) * 8 + 64);
  for (auto& array : results) outputs.push_back(array.data());
  ThreadPool pool(threads);
  plan.run(inputs.data(), outputs.data(), &pool);
  const long before = count;
  for (int i = 0; i < 10; ++i) plan.run(inputs.data(), outputs.data(), &pool);
  std::printf("%ld\n", count - before);
}
