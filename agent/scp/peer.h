#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::scp {

// The two pipes to the client: what it sends, and how it is answered. An Error of any function ends
// the copy.
class Peer final {
 public:
  Peer(int in, int out) : in_(in), out_(out) {}

  // The next bytes, at most `max`, waiting for the first; valid until the next call. Empty: its
  // end.
  Result<std::string_view> some(std::size_t max);
  // The next line without its newline; nothing at its end. Code::kProtocol for one that is longer
  // than a record may be or cut off.
  Result<std::optional<std::string>> line();
  // Whether it takes what was sent. When it does not, that has been counted and it has told its
  // user. Code::kClosed when it gives up as a whole or is gone.
  Result<bool> accepted();

  Result<void> send(std::string_view bytes);
  Result<void> accept() { return send(std::string_view("\0", 1)); }
  // Something failed, which the client shows its user; the copy goes on with the next file.
  Result<void> complain(std::string_view what);

  void count_error() { failed_ = true; }
  bool failed() const { return failed_; }

 private:
  static constexpr std::size_t kCapacity = std::size_t{256} * 1024;

  int in_, out_;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kCapacity);
  std::size_t begin_ = 0, end_ = 0;
  bool failed_ = false;
};

}  // namespace rdev::scp
