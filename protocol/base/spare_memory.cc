#include "protocol/base/spare_memory.h"

#include <malloc.h>

#include <cstddef>

namespace rdev::base {
namespace {
constexpr std::size_t kMuch = std::size_t{1} << 20U;
}

// mallinfo2() counts holes whose pages have gone already as well; nothing tells them apart.
void give_back_memory() {
  if (::mallinfo2().fordblks > kMuch) {
    ::malloc_trim(0);
  }
}

}  // namespace rdev::base
