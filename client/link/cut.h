#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/wire/frame.h"

namespace rdev::link_process {

// A frame where it lies. A link process passes frames on as they came, so it wants their bytes
// where wire::Decoder gives out payloads.
struct Piece {
  wire::Header header;
  std::string_view bytes;  // all of it
  std::string_view payload() const { return bytes.substr(wire::kHeaderBytes); }
};

// The first frame of `bytes`; nothing when it is not whole. Code::kProtocol: it is too long.
Result<std::optional<Piece>> first_frame(std::string_view bytes);

// As many frames of the beginning of `bytes`, which are all whole, as fit into `most`; at least
// one.
std::string_view frames_within(std::string_view bytes, std::size_t most);

// Sets `flag` in the DATA frames of `bytes` from `from` on, which are all whole.
void mark_data(std::string& bytes, std::size_t from, std::uint8_t flag);

}  // namespace rdev::link_process
