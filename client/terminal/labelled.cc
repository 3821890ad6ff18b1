#include "client/terminal/labelled.h"

#include <algorithm>
#include <cstring>

namespace rdev::terminal {

awaitable<Result<void>> LabelledOutput::write(std::string text) {
  while (busy_) {
    co_await changed_.wait();
  }
  busy_ = true;
  auto written = co_await write_now(text);
  busy_ = false;
  changed_.notify();
  co_return written;
}

awaitable<Result<void>> LabelledOutput::write_now(std::string_view text) {
  while (!text.empty()) {
    const auto room = co_await output_.room();
    if (!room) {
      co_return tl::make_unexpected(room.error());
    }
    const std::size_t n = std::min(room->size(), text.size());
    std::memcpy(room->data(), text.data(), n);
    if (auto given = output_.commit(n); !given) {
      co_return given;
    }
    text.remove_prefix(n);
  }
  co_return Result<void>{};
}

std::string Labeller::add(std::string_view bytes) {
  std::string whole;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::size_t n = std::min({end, bytes.size(), kLongest - line_.size()});
    line_ += bytes.substr(0, n);
    bytes.remove_prefix(n);
    if (n == end || line_.size() == kLongest) {
      whole += taken();
    }
    if (n == end) {
      bytes.remove_prefix(1);
    }
  }
  return whole;
}

std::string Labeller::rest() { return line_.empty() ? "" : taken(); }

std::string Labeller::taken() {
  std::string line = label_ + line_ + "\n";
  line_.clear();
  return line;
}

}  // namespace rdev::terminal
