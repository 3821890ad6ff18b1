#include "client/cluster/docker/frames.h"

#include <algorithm>
#include <string>

namespace rdev::cluster::docker {

Result<std::optional<FrameDecoder::Piece>> FrameDecoder::next(std::string_view& input) {
  while (!input.empty()) {
    if (left_ > 0) {
      const std::size_t n = std::min<std::size_t>(left_, input.size());
      const Piece piece{output_, input.substr(0, n)};
      input.remove_prefix(n);
      left_ -= static_cast<std::uint32_t>(n);
      return piece;
    }
    header_[header_size_++] = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    if (header_size_ == header_.size()) {
      header_size_ = 0;
      if (auto taken = take_header(); !taken) {
        return tl::make_unexpected(taken.error());
      }
    }
  }
  return std::nullopt;
}

Result<void> FrameDecoder::take_header() {
  // 0 is stdin's echo, 1 stdout, 2 stderr, 3 the engine's own errors.
  if (header_[0] > 3 || header_[1] != 0 || header_[2] != 0 || header_[3] != 0) {
    return fail(Code::kProtocol, "the engine's stream is not framed as the Engine API says");
  }
  left_ = std::uint32_t{header_[4]} << 24 | std::uint32_t{header_[5]} << 16 |
          std::uint32_t{header_[6]} << 8 | std::uint32_t{header_[7]};
  output_ = header_[0] <= 1 ? Output::kStdout : Output::kStderr;
  if (left_ > kMaxFrame) {
    return fail(Code::kProtocol, "the engine's stream has a frame of " + std::to_string(left_) +
                                     " bytes, more than the Engine API makes");
  }
  return {};
}

}  // namespace rdev::cluster::docker
