#include "protocol/base/spare_memory.h"

#include <malloc.h>

#include <algorithm>

namespace rdev::base {
namespace {
constexpr std::size_t kMuch = std::size_t{1} << 20U;
}

void SpareMemory::give_back() {
  const std::size_t free = ::mallinfo2().fordblks;
  if (free < known_ + kMuch) {
    known_ = std::min(known_, free);
    return;
  }
  ::malloc_trim(0);
  known_ = ::mallinfo2().fordblks;  // it counts holes whose pages have gone as well
}

}  // namespace rdev::base
