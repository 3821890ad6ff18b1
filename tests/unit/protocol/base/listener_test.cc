#include "protocol/base/listener.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <ctime>

#include "protocol/base/task_group.h"
#include "tests/unit/run.h"

namespace rdev::base {
namespace {

using testing::HasSubstr;

class Listener : public testing::Test {
 protected:
  Listener() : listening_(*listen_tcp({asio::ip::address_v4::loopback(), 0})) {}
  ~Listener() override {
    tasks_.cancel();
    test::run(context_, drain());
  }

  Fd connect() {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto to = local_endpoint(listening_.get());
    EXPECT_EQ(::connect(socket.get(), to.data(), static_cast<socklen_t>(to.size())), 0);
    return socket;
  }
  void take(Fd socket) { accepted_.push_back(std::move(socket)); }
  void serve() {
    tasks_.spawn("accept", accept_loop(listening_.get(), std::bind_front(&Listener::take, this)));
  }
  awaitable<bool> drain() {
    co_await tasks_.wait();
    co_return true;
  }

  asio::io_context context_;
  Fd listening_;
  TaskGroup tasks_{context_.get_executor()};
  std::vector<Fd> accepted_;
};

TEST_F(Listener, HandsOutConnections) {
  serve();
  const Fd one = connect(), two = connect();
  while (accepted_.size() < 2) {
    context_.run_one();
  }
}

TEST_F(Listener, StartsWhenThereIsADescriptorForIt) {
  const Fd client = connect();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  serve();
  context_.poll();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  while (accepted_.empty()) {
    ASSERT_EQ(context_.run_one_for(std::chrono::seconds(20)), 1U);
  }
}

TEST_F(Listener, SaysThatAPortIsTaken) {
  const auto second = listen_tcp(local_endpoint(listening_.get()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_THAT(second.error().message, HasSubstr("choose another port"));
}

TEST_F(Listener, SaysThatAnAddressIsNotOurs) {
  const auto socket = listen_tcp({asio::ip::make_address("192.0.2.1"), 0});
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().code, Code::kUnavailable);
  EXPECT_THAT(socket.error().message, HasSubstr("no such address"));
}

// Not with UBSan, whose own check of an address needs a pipe.
#if !defined(__has_feature) || !__has_feature(undefined_behavior_sanitizer)
TEST_F(Listener, DoesNotSpinWithoutDescriptors) {
  const Fd waiting = connect();
  serve();
  context_.poll();  // the loop opens what it needs
  accepted_.clear();
  const Fd another = connect();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::clock_t start = std::clock();
  context_.restart();
  context_.run_for(std::chrono::milliseconds(200));
  const std::clock_t used = std::clock() - start;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(accepted_.empty());
  EXPECT_LT(used, CLOCKS_PER_SEC / 20);
  context_.restart();
  while (accepted_.empty()) {
    context_.run_one();  // it goes on by itself
  }
}
#endif

}  // namespace
}  // namespace rdev::base
