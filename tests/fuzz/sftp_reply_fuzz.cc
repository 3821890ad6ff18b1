#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/sftp/packet.h"

// What a server sends, packet by packet: nothing that is kept is longer than its packet.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left(reinterpret_cast<const char*>(data), size);
  for (;;) {
    const auto packet = rdev::sftp::first_packet(left);
    if (!packet || !*packet) {
      return 0;
    }
    if ((*packet)->size() > rdev::sftp::kMaxPacket) {
      std::abort();
    }
    const auto reply = rdev::sftp::parse_reply(**packet);
    if (reply && reply->text.size() > (*packet)->size()) {
      std::abort();
    }
    left.remove_prefix(4 + (*packet)->size());
  }
}
