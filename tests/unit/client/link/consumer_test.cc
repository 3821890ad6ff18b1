#include "client/link/consumer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

constexpr std::size_t kPayload = 32000;
constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

std::string frame(wire::Type type, std::size_t size) {
  std::string bytes;
  wire::append_frame(bytes, {.type = type, .stream = std::uint64_t{1} << 32U},
                     std::string(size, 'x'));
  return bytes;
}

// A process that reads when the test says so.
struct ConsumerTest : testing::Test, Consumer::Owner {
  struct Got {
    wire::Type type{};
    bool behind = false;
    std::size_t before = 0;  // bytes that came before it
  };

  ConsumerTest() {
    auto [near, far_end] = test::socket_pair();
    Consumer::Owner& owner = *this;
    consumer = std::make_shared<Consumer>(context.get_executor(), std::move(near), owner);
    consumer->number = 1;
    consumer->state = Consumer::State::kAttached;
    tasks.spawn("write", Consumer::write(consumer));
    far = std::move(far_end);
  }
  ~ConsumerTest() override {
    consumer->close();
    context.restart();
    context.run();
  }

  // Reads all that was sent.
  std::vector<Got> read_all() {
    std::string bytes;
    char buffer[65536];
    for (bool more = true; more;) {
      context.restart();
      context.poll();
      const ssize_t n = ::recv(far.get(), buffer, sizeof buffer, 0);
      more = n > 0;
      bytes.append(buffer, more ? static_cast<std::size_t>(n) : 0);
    }
    std::vector<Got> list;
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto piece = first_frame(rest);
      EXPECT_TRUE(piece && *piece);
      const wire::Header& header = (*piece)->header;
      list.push_back({.type = header.type,
                      .behind = (header.flags & wire::kBehind) != 0,
                      .before = bytes.size() - rest.size()});
      rest.remove_prefix((*piece)->bytes.size());
    }
    return list;
  }

  void on_control(Consumer&, const Piece&) override {}
  void on_frames(Consumer&) override {}
  std::size_t most_waiting() const override { return 0; }
  void on_gone(Consumer&) override {}

  asio::io_context context;
  base::TaskGroup tasks{context.get_executor()};
  std::shared_ptr<Consumer> consumer;
  base::Fd far;
};

TEST_F(ConsumerTest, WhoReadsIsNotBehind) {
  const std::string data = frame(wire::Type::kData, kPayload);
  for (int i = 0; i < 100; ++i) {
    consumer->send(data);
    const auto got = read_all();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_FALSE(got[0].behind);
  }
}

TEST_F(ConsumerTest, WhoLeavesMuchUnreadIsTold) {
  const std::string data = frame(wire::Type::kData, kPayload);
  for (int i = 0; i < 100; ++i) {
    consumer->send(data);
  }
  consumer->send(frame(wire::Type::kCredit, 16) + data);
  const auto got = read_all();
  ASSERT_EQ(got.size(), 102U);
  // What the socket took does not wait here: that is known to be less than another megabyte.
  bool marked = false;
  for (const Got& one : got) {
    if (one.type != wire::Type::kData) {
      EXPECT_FALSE(one.behind) << "windows are DATA's";
      continue;
    }
    EXPECT_TRUE(one.behind || !marked) << one.before;
    marked = marked || one.behind;
    if (one.before <= kMegabyte) {
      EXPECT_FALSE(one.behind) << one.before;
    } else if (one.before > 2 * kMegabyte) {
      EXPECT_TRUE(one.behind) << one.before;
    }
  }
  consumer->send(data);
  const auto later = read_all();
  ASSERT_EQ(later.size(), 1U);
  EXPECT_FALSE(later[0].behind) << "it has read all";
}

}  // namespace
}  // namespace rdev::link_process
