#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::cluster::docker {

enum class Output { kStdout, kStderr };

// The framing of logs and of attached streams without a terminal (Engine API, "Stream format"):
// {type, 0, 0, 0, length as four bytes big endian} and so many bytes. It buffers no payload.
class FrameDecoder final {
 public:
  // The engine cuts frames far below this; what is longer is not this framing.
  static constexpr std::uint32_t kMaxFrame = 16 << 20;

  struct Piece {
    Output output = Output::kStdout;
    std::string_view bytes;  // not empty; points into the input
  };

  // The next payload of `input`, which is advanced behind it; nullopt when it is used up.
  // Code::kProtocol for what is no frame; the decoder is then of no more use.
  Result<std::optional<Piece>> next(std::string_view& input);

  // Between frames, where a stream may end.
  bool at_boundary() const { return header_size_ == 0 && left_ == 0; }

 private:
  Result<void> take_header();

  std::array<unsigned char, 8> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t left_ = 0;  // of the frame's payload
  Output output_ = Output::kStdout;
};

}  // namespace rdev::cluster::docker
