#include "protocol/stream/socket_stream.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <string>

#include "protocol/base/task_group.h"
#include "tests/unit/run.h"

namespace rdev::stream {
namespace {

// A stream over one end of a unix socket; the other end is read by hand.
class SocketStreams : public testing::Test {
 protected:
  SocketStreams() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    near_ = ends[0];
    far_.reset(ends[1]);
    stream_ = std::make_unique<SocketStream>(context_.get_executor(), base::Fd(near_));
  }

  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  // What was asked for: the kernel says twice that (socket(7)).
  std::size_t held() const {
    int size = 0;
    socklen_t length = sizeof size;
    EXPECT_EQ(::getsockopt(near_, SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
    return static_cast<std::size_t>(size) / 2;
  }
  std::size_t waiting() const {
    int n = 0;
    EXPECT_EQ(::ioctl(far_.get(), FIONREAD, &n), 0);
    return static_cast<std::size_t>(n);
  }
  void drain() const {
    char buffer[65536];
    while (::recv(far_.get(), buffer, sizeof buffer, 0) > 0) {
    }
  }
  awaitable<void> write(std::size_t bytes, bool& done) {
    const std::string text(bytes, 'x');
    EXPECT_TRUE(co_await stream_->write(asio::buffer(text)));
    done = true;
  }
  // More than fits; who reads it lets it wait for a while. What waited then.
  awaitable<std::size_t> write_slowly() {
    base::TaskGroup tasks(context_.get_executor());
    bool done = false;
    tasks.spawn("write", write(kMuch, done));
    asio::steady_timer pause(context_, std::chrono::milliseconds(2));
    co_await pause.async_wait(use_tuple);
    const std::size_t waited = waiting();
    EXPECT_FALSE(done);
    while (tasks.size() > 0) {
      drain();
      co_await asio::post(context_, asio::use_awaitable);
    }
    co_await tasks.wait();
    drain();
    co_return waited;
  }

  static constexpr std::size_t kMuch = std::size_t{1} << 20U;
  static constexpr std::size_t kLeast = 16384, kMost = 131072;

  asio::io_context context_;
  int near_ = -1;
  base::Fd far_;
  std::unique_ptr<SocketStream> stream_;
};

CO_TEST_F(SocketStreams, HoldWhatTheKernelLikes) {
  const std::size_t before = held();
  (void)co_await write_slowly();
  (void)co_await write_slowly();
  EXPECT_EQ(held(), before);
}

CO_TEST_F(SocketStreams, ThatAreShortHoldLessWhereItTakesLong) {
  stream_->keep_short();
  const std::size_t before = co_await write_slowly();  // as the kernel likes
  for (std::size_t size = kMost / 2; size >= kLeast; size /= 2) {
    EXPECT_EQ(held(), size);
    (void)co_await write_slowly();
  }
  EXPECT_EQ(held(), kLeast);
  EXPECT_LE(co_await write_slowly(), before / 4);
  EXPECT_EQ(held(), kLeast);
}

CO_TEST_F(SocketStreams, ThatAreShortHoldMoreAgainWhereItIsQuick) {
  stream_->keep_short();
  for (std::size_t size = kMost; size > kLeast; size /= 2) {
    (void)co_await write_slowly();
  }
  EXPECT_EQ(held(), kLeast);
  // One of them may find the machine busy: some are quick.
  while (held() < kMost) {
    bool done = false;
    co_await write(held(), done);
    drain();
  }
  bool done = false;
  co_await write(kMost / 2, done);  // quick, and no reason for more
  EXPECT_EQ(held(), kMost);
}

}  // namespace
}  // namespace rdev::stream
