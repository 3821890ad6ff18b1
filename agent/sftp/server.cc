#include "agent/sftp/server.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "agent/sftp/dispatch.h"

namespace rdev::sftp {
namespace {

// Requests as they come in. Big enough for one packet and the beginning of the next, so that a
// WRITE is hardly ever moved.
class Input final {
 public:
  explicit Input(int fd) : fd_(fd) {}

  // What has been read and not consumed.
  std::string_view bytes() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }

  // Reads some more, waiting for it. false at the end of the input.
  Result<bool> read_more();

 private:
  static constexpr std::size_t kCapacity = std::size_t{2} * (kMaxPacket + 4);

  int fd_;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kCapacity);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// After a call on `fd` failed with errno: waits if it only has to wait.
bool wait_or_give_up(int fd, short events) {
  if (errno == EINTR) {
    return true;
  }
  if (errno != EAGAIN && errno != EWOULDBLOCK) {
    return false;
  }
  struct pollfd wait{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

Result<bool> Input::read_more() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ + kMaxPacket + 4 > kCapacity) {  // the packet at hand might not fit
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    const ssize_t n = ::read(fd_, buffer_.get() + end_, kCapacity - end_);
    if (n >= 0) {
      end_ += static_cast<std::size_t>(n);
      return n > 0;
    }
    if (!wait_or_give_up(fd_, POLLIN)) {
      return fail_errno("cannot read requests");
    }
  }
}

Result<void> flush(Output& out, int fd) {
  for (auto rest = out.pending(); !rest.empty();) {
    const ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (!wait_or_give_up(fd, POLLOUT)) {
      return fail_errno("cannot write replies");
    }
  }
  out.clear();
  return {};
}

Result<void> run(int in, int out) {
  Session session;
  Input input(in);
  for (;;) {
    const auto packet = first_packet(input.bytes());
    if (!packet) {
      return tl::make_unexpected(packet.error());
    }
    // Replies wait while there are requests to go on with, but not for the client's next one.
    if (!*packet || session.out.pending().size() >= Output::kFlushAt) {
      if (auto flushed = flush(session.out, out); !flushed) {
        return flushed;
      }
    }
    if (*packet) {
      if (auto done = dispatch(session, **packet); !done) {
        return done;
      }
      input.consume(4 + (*packet)->size());
      continue;
    }
    const auto more = input.read_more();
    if (!more) {
      return tl::make_unexpected(more.error());
    }
    if (!*more) {
      return input.bytes().empty() ? Result<void>{}
                                   : fail(Code::kProtocol, "the input ends within a packet");
    }
  }
}

}  // namespace

int serve(int in, int out) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto served = run(in, out);
  if (!served) {
    std::fprintf(stderr, "sftp: %s\n", served.error().message.c_str());
    return 1;
  }
  return 0;
}

}  // namespace rdev::sftp
