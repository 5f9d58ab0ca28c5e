// Shapes of the results of operators whose operand names places; each throws Error(run) where the inputs do not fit.
#pragma once

#include "engine/shapes.h"

namespace apus {

Shape gather_shape(const Node& node, const Shape& x, const Shape& indices);

// Of indices that go element by element over x, any number of them along the axis.
Shape element_shape(const Node& node, const Shape& x, const Shape& indices);

// The slices of x that tuples of indices name.
Shape tuple_shape(const Node& node, const Shape& x, const Shape& indices);

// Either scatter.
Shape scatter_shape(const Node& node, const Shape& x, const Shape& indices, const Shape& updates);

}  // namespace apus
