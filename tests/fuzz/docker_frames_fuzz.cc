#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "client/cluster/docker/frames.h"

namespace {

using rdev::cluster::docker::FrameDecoder;
using rdev::cluster::docker::Output;

// Both outputs, each after its letter; "!" behind them when the stream was refused.
std::string decode(std::string_view stream, std::size_t step) {
  FrameDecoder decoder;
  std::string out = "o";
  std::string err = "e";
  while (!stream.empty()) {
    std::string_view input = stream.substr(0, step);
    stream.remove_prefix(input.size());
    for (;;) {
      const auto piece = decoder.next(input);
      if (!piece) {
        return out + err + "!";
      }
      if (!*piece) {
        break;
      }
      ((*piece)->output == Output::kStdout ? out : err) += (*piece)->bytes;
    }
  }
  return out + err;
}

}  // namespace

// However the bytes are cut, the outputs are the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const std::string whole = decode(stream, size + 1);
  if (decode(stream, 1) != whole || decode(stream, 7) != whole) {
    std::abort();
  }
  return 0;
}
