#pragma once

#include <cstddef>

namespace rdev::base {

// What malloc keeps after a flood, holes of many pages between what is still used, goes back to the
// system. For a process that lives long and is small most of the time.
class SpareMemory final {
 public:
  // Call it when something may have been freed, not much oftener than once a second.
  void give_back();

 private:
  std::size_t known_ = 0;  // malloc had so much free when there was nothing to give
};

}  // namespace rdev::base
