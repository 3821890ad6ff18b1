#include "client/link/network_events.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "client/link/netlink_news.h"
#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "tests/unit/run.h"

namespace rdev::link_process {
namespace {

using std::chrono::milliseconds;

void ip(const std::string& words) { EXPECT_EQ(std::system(("ip " + words).c_str()), 0) << words; }

// It runs as long as it is open.
base::Fd open_tun(const std::string& name) {
  base::Fd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  EXPECT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
  return fd;
}

// The watchers' words, in order.
struct Heard {
  explicit Heard(const asio::any_io_executor& executor) : changed(executor), tasks(executor) {}
  TellEvent teller() {
    return [this](const std::string& what) {
      words.push_back(what);
      changed.notify();
    };
  }
  awaitable<std::string> next() {
    while (words.empty()) {
      co_await changed.wait();
    }
    const std::string first = words.front();
    words.clear();
    co_return first;
  }
  awaitable<void> stop() {
    tasks.cancel();
    co_await tasks.wait();
  }
  std::vector<std::string> words;
  base::Notify changed;
  base::TaskGroup tasks;
};

awaitable<void> hear_changes() {
  Heard heard(co_await asio::this_coro::executor);
  heard.tasks.spawn("network", watch_network(heard.teller()));
  const base::Fd device = open_tun("one");
  ip("link set one addrgenmode none");
  ip("address add 127.0.0.5/8 dev lo");
  ip("link set one up");
  EXPECT_EQ(co_await heard.next(), "a network device came up");
  ip("address add 10.1.2.3/24 dev one");
  EXPECT_EQ(co_await heard.next(), "an address came");
  ip("route add default via 10.1.2.1");
  EXPECT_EQ(co_await heard.next(), "a route changed");
  // What changes nothing is not told: the next word is the one after it.
  ip("address change 10.1.2.3/24 dev one valid_lft 1000 preferred_lft 1000");
  ip("link set one alias nothing");
  ip("address del 10.1.2.3/24 dev one");
  EXPECT_EQ(co_await heard.next(), "an address went away");
  ip("link set one down");
  EXPECT_EQ(co_await heard.next(), "a network device went down");
  co_await heard.stop();
}

TEST(NetworkEvents, TellsWhatTheKernelSays) {
  // A thread of its own may leave the network namespace of the others.
  bool may = true;
  std::thread thread([&may] {
    may = ::unshare(CLONE_NEWNET) == 0;
    if (may) {
      asio::io_context context;
      test::run(context, hear_changes());
    }
  });
  thread.join();
  EXPECT_TRUE(may) << "these tests run as root";
}

awaitable<void> hear_sleep(milliseconds& asleep) {
  Heard heard(co_await asio::this_coro::executor);
  heard.tasks.spawn("sleep", watch_sleep({.asleep =
                                              [&asleep] {
                                                // It is told of what is more than the time between
                                                // two readings.
                                                asleep += milliseconds(asleep.count() < 4 ? 1 : 0);
                                                return asleep;
                                              },
                                          .period = milliseconds(1)},
                                         heard.teller()));
  while (asleep < milliseconds(4)) {
    asio::steady_timer timer(co_await asio::this_coro::executor, milliseconds(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
  EXPECT_TRUE(heard.words.empty());
  asleep += milliseconds(7200000);
  EXPECT_EQ(co_await heard.next(), "this machine slept for 7200 s");
  co_await heard.stop();
}

TEST(NetworkEvents, TellsThatTheMachineHasSlept) {
  asio::io_context context;
  milliseconds asleep{0};
  test::run(context, hear_sleep(asleep));
  EXPECT_GE(this_machine().asleep(), std::chrono::nanoseconds(-1000000));
}

template <class T>
std::string message(unsigned short type, const T& body) {
  std::string bytes(NLMSG_LENGTH(sizeof body), '\0');
  const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(bytes.size()),
                        .nlmsg_type = type,
                        .nlmsg_flags = 0,
                        .nlmsg_seq = 0,
                        .nlmsg_pid = 0};
  bytes.replace(0, sizeof header, reinterpret_cast<const char*>(&header), sizeof header);
  bytes.replace(sizeof header, sizeof body, reinterpret_cast<const char*>(&body), sizeof body);
  return bytes;
}

rtmsg route(unsigned char table, unsigned char type) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_table = table;
  body.rtm_type = type;
  return body;
}

TEST(NetlinkNews, PassesOverWhatIsNoWayOut) {
  NetlinkNews news;
  EXPECT_EQ(news.read(message(RTM_NEWROUTE, route(RT_TABLE_MAIN, RTN_UNICAST))), "a route changed");
  EXPECT_EQ(news.read(message(RTM_NEWROUTE, route(RT_TABLE_LOCAL, RTN_LOCAL))), "");
  EXPECT_EQ(news.read(message(RTM_DELROUTE, route(RT_TABLE_MAIN, RTN_MULTICAST))), "");
  EXPECT_EQ(news.read(message(RTM_NEWNEIGH, ndmsg{})), "");
  ifaddrmsg tentative{};
  tentative.ifa_family = AF_INET6;
  tentative.ifa_flags = IFA_F_TENTATIVE;
  EXPECT_EQ(news.read(message(RTM_NEWADDR, tentative)), "");
}

ifinfomsg device(unsigned flags, unsigned change) {
  ifinfomsg body{};
  body.ifi_index = 7;
  body.ifi_flags = flags;
  body.ifi_change = change;
  return body;
}

TEST(NetlinkNews, TellsOfDevicesThatBeginOrEndToRun) {
  NetlinkNews made;
  EXPECT_EQ(made.read(message(RTM_NEWLINK, device(0, ~0U))), "");
  EXPECT_EQ(made.read(message(RTM_NEWLINK, device(IFF_UP, IFF_UP))), "");
  const std::string runs = message(RTM_NEWLINK, device(IFF_UP | IFF_RUNNING, 0));
  EXPECT_EQ(made.read(runs), "a network device came up");
  EXPECT_EQ(made.read(runs), "");
  EXPECT_EQ(made.read(message(RTM_DELLINK, device(0, ~0U))), "a network device went down");
  NetlinkNews later;  // than the device
  EXPECT_EQ(later.read(message(RTM_NEWLINK, device(IFF_UP, 0))), "a network device went down");
  EXPECT_EQ(later.read(message(RTM_NEWLINK, device(IFF_UP | IFF_LOOPBACK, 0))), "");
}

TEST(NetlinkNews, ReadsNothingBeyondWhatCame) {
  const std::string whole =
      message(RTM_NEWNEIGH, ndmsg{}) + message(RTM_NEWROUTE, route(RT_TABLE_MAIN, RTN_UNICAST));
  NetlinkNews news;
  EXPECT_EQ(news.read(whole), "a route changed");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of that size, so that a sanitizer sees what lies behind it.
    const std::vector<char> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(news.read({part.data(), part.size()}), "") << size;
  }
  std::string lying = whole;
  lying[0] = '\x04';  // a message shorter than its header
  EXPECT_EQ(news.read(lying), "");
}

}  // namespace
}  // namespace rdev::link_process
