#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/tunnels/socks.h"

using rdev::tunnels::Socks;

// In pieces as the first byte says: a target has a host and a port, and what is kept is bounded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = data[0] + 1U;
  std::string_view left(reinterpret_cast<const char*>(data) + 1, size - 1);
  Socks socks;
  while (!left.empty()) {
    const auto fed = socks.feed(left.substr(0, piece));
    left.remove_prefix(std::min(piece, left.size()));
    if (socks.answer().size() > 16) {
      std::abort();
    }
    if (!fed) {
      return 0;
    }
    if (*fed) {
      const Socks::Target& target = **fed;
      if (target.host.empty() || target.host.size() > 255 || target.port == 0 ||
          socks.rest().size() > Socks::kMost + piece) {
        std::abort();
      }
      return 0;
    }
  }
  return 0;
}
