#include "agent/scp/peer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/scp/records.h"

namespace rdev::scp {
namespace {

// After a call on `fd` failed with errno: waits if it only has to wait.
bool wait_or_give_up(int fd, short events) {
  if (errno == EINTR) {
    return true;
  }
  if (errno != EAGAIN && errno != EWOULDBLOCK) {
    return false;
  }
  pollfd wait{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

Result<std::string_view> Peer::some(std::size_t max) {
  while (begin_ == end_) {
    const ssize_t n = ::read(in_, buffer_.get(), kCapacity);
    if (n == 0) {
      return std::string_view();
    }
    if (n > 0) {
      begin_ = 0;
      end_ = static_cast<std::size_t>(n);
    } else if (!wait_or_give_up(in_, POLLIN)) {
      return fail_errno("cannot read from the client");
    }
  }
  const std::string_view bytes(buffer_.get() + begin_, std::min(max, end_ - begin_));
  begin_ += bytes.size();
  return bytes;
}

Result<std::optional<std::string>> Peer::line() {
  std::string line;
  for (;;) {
    const auto byte = some(1);
    if (!byte) {
      return tl::make_unexpected(byte.error());
    }
    if (byte->empty()) {
      return line.empty() ? Result<std::optional<std::string>>(std::nullopt)
                          : fail(Code::kProtocol, "protocol error: the last line is cut off");
    }
    if (byte->front() == '\n') {
      return line;
    }
    if (line.size() == kMaxLine) {
      return fail(Code::kProtocol,
                  "protocol error: a line is longer than " + std::to_string(kMaxLine) + " bytes");
    }
    line += byte->front();
  }
}

Result<bool> Peer::accepted() {
  const auto answer = some(1);
  if (!answer) {
    return tl::make_unexpected(answer.error());
  }
  if (answer->empty()) {
    return fail(Code::kClosed, "lost connection");
  }
  const char code = answer->front();
  if (code == '\0') {
    return true;
  }
  failed_ = true;
  const auto reason = line();
  if (!reason) {
    return tl::make_unexpected(reason.error());
  }
  if (code != '\1') {
    return fail(Code::kClosed, "the client gave up");
  }
  return false;
}

Result<void> Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(out_, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (!wait_or_give_up(out_, POLLOUT)) {
      return fail_errno("cannot write to the client");
    }
  }
  return {};
}

Result<void> Peer::complain(std::string_view what) {
  failed_ = true;
  std::string line = "\1scp: ";
  for (const char c : what) {
    // A line end in a name would be a record of its own.
    line += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  line += '\n';
  return send(line);
}

}  // namespace rdev::scp
