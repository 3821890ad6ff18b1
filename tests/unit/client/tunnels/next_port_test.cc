#include <unistd.h>

#include "protocol/base/listener.h"
#include "tests/unit/client/tunnels/tunnel_lab.h"

namespace rdev::tunnels {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Tunnel exactly(Tunnel tunnel) {
  tunnel.set_exact(true);
  return tunnel;
}

// A port that is taken on this machine, below one that is free.
class NextPort : public Tunnels {
 protected:
  NextPort() {
    // Tests run beside each other.
    for (int port = 20000 + ::getpid() * 16 % 10000; port < 32000; ++port) {
      auto wanted = listen(kV4, port);
      if (wanted && listen(kV4, port + 1)) {
        other_ = std::move(*wanted);
        taken_ = static_cast<std::uint32_t>(port);
        return;
      }
    }
    ADD_FAILURE() << "no two free ports";
  }
  static Result<base::Fd> listen(const asio::ip::address& host, int port) {
    return base::listen_tcp({host, static_cast<std::uint16_t>(port)});
  }
  std::string spec(const std::string& target = "db:1") const {
    return std::to_string(taken_) + ":" + target;
  }

  awaitable<void> restore(std::vector<Tunnel> tunnels) {
    for (const Tunnel& tunnel : tunnels) {
      set_.keep(tunnel);
    }
    for (const Tunnel& tunnel : tunnels) {
      co_await set_.reopen(tunnel);
    }
  }

  const asio::ip::address kV4 = asio::ip::address_v4::loopback();
  const asio::ip::address kV6 = asio::ip::address_v6::loopback();
  base::Fd other_;
  std::uint32_t taken_ = 0;
};

CO_TEST_F(NextPort, IsTakenWhenTheWantedOneIsNotFree) {
  const auto state = co_await set_.add(local(spec()));
  if (!state) {
    ADD_FAILURE() << state.error().message;
    co_return;
  }
  EXPECT_EQ(state->bound_port(), taken_ + 1);
  EXPECT_EQ(state->tunnel().listen_port(), taken_);
  EXPECT_EQ(state->problem(), "");
  auto client = co_await connect(at(*state));
  tasks_.spawn("echo", serve_one());
  co_await talk(client);
}

CO_TEST_F(NextPort, OfAnotherTunnelIsLeftToIt) {
  const auto first = co_await set_.add(local(std::to_string(taken_ + 1) + ":db:2"));
  EXPECT_EQ(first->bound_port(), taken_ + 1);
  EXPECT_GT((co_await set_.add(local(spec())))->bound_port(), taken_ + 1);
}

CO_TEST_F(NextPort, OfATunnelThatIsYetToOpenIsLeftToIt) {
  const Tunnel second = local(std::to_string(taken_ + 1) + ":db:2");
  co_await restore({local(spec()), second});
  EXPECT_GT(set_.states().at(0).bound_port(), taken_ + 1);
  EXPECT_EQ(set_.states().at(1).bound_port(), taken_ + 1);
}

CO_TEST_F(NextPort, IsNotTakenTwiceForOneTunnel) {
  const auto first = co_await set_.add(local(spec()));
  const auto again = co_await set_.add(local(spec()));
  EXPECT_EQ(again->bound_port(), first->bound_port());
  // It listens where this one wants to.
  const auto there = co_await set_.add(local(std::to_string(taken_ + 1) + ":db:1"));
  EXPECT_EQ(there->bound_port(), first->bound_port());
  EXPECT_THAT(set_.states(), SizeIs(1));
  EXPECT_TRUE(co_await set_.remove(first->tunnel()));
  EXPECT_TRUE(set_.empty());
}

CO_TEST_F(NextPort, IsForAnotherTargetOfTheSameJobToo) {
  other_.reset();
  const auto first = co_await set_.add(local(spec("db:1")));
  const auto second = co_await set_.add(local(std::to_string(first->bound_port()) + ":db:2"));
  EXPECT_EQ(second->bound_port(), first->bound_port() + 1);
  EXPECT_TRUE(co_await set_.remove(second->tunnel()));
  EXPECT_EQ(set_.states().at(0).tunnel().target_port(), 1U);
}

CO_TEST_F(NextPort, IsRefusedByWhoWantsExactlyThisOne) {
  const auto state = co_await set_.add(exactly(local(spec())));
  EXPECT_EQ(state.error().code, Code::kExists);
  EXPECT_TRUE(set_.empty());
  // Also when the tunnel is there already, elsewhere.
  EXPECT_TRUE(co_await set_.add(local(spec())));
  const auto again = co_await set_.add(exactly(local(spec())));
  EXPECT_EQ(again.error().code, Code::kExists);
  EXPECT_THAT(again.error().message, HasSubstr(std::to_string(taken_ + 1)));
  EXPECT_THAT(set_.states(), SizeIs(1));
}

CO_TEST_F(NextPort, IsNeeded) {
  LocalTunnel tunnel(context_.get_executor(), link_, local(spec()), "train",
                     {.spoken_for = [](std::uint32_t) { return true; }});
  const auto opened = co_await tunnel.open();
  EXPECT_EQ(opened.error().code, Code::kExists);
  EXPECT_THAT(opened.error().message, HasSubstr("next 64 ports"));
  co_await tunnel.stop();
}

CO_TEST_F(NextPort, IsForSocksToo) {
  const auto state = co_await set_.add(*parse_spec(Tunnel::DYNAMIC, std::to_string(taken_)));
  EXPECT_EQ(state->bound_port(), taken_ + 1);
}

// What connects to "localhost" may come by either address.
CO_TEST_F(NextPort, IsTakenWhenOneAddressOfLocalhostIsNotFree) {
  other_.reset();
  auto six = listen(kV6, static_cast<int>(taken_));
  if (!six) {
    GTEST_LOG_(INFO) << "no IPv6 here: " << six.error().message;
    co_return;
  }
  const auto state = co_await set_.add(local(spec()));
  EXPECT_EQ(state->bound_port(), taken_ + 1);
  for (const asio::ip::address& host : {kV4, kV6}) {
    auto client = co_await connect({host, static_cast<std::uint16_t>(state->bound_port())});
    tasks_.spawn("echo", serve_one());
    co_await talk(client);
  }
  // An address is one address.
  EXPECT_EQ((co_await set_.add(local("127.0.0.1:" + spec())))->bound_port(), taken_);
}

CO_TEST_F(NextPort, IsGivenUpAtTheNextStart) {
  co_await restore({local(spec())});
  EXPECT_EQ(set_.states().at(0).bound_port(), taken_ + 1);
  const Tunnel kept = set_.states().at(0).tunnel();
  co_await set_.stop();
  other_.reset();
  co_await restore({kept});
  EXPECT_EQ(set_.states().at(0).bound_port(), taken_);
}

TEST(NextPorts, AreAboveAndNeverPrivileged) {
  EXPECT_THAT(next_ports(65533), ElementsAre(65534U, 65535U));
  EXPECT_THAT(next_ports(65535), SizeIs(0));
  EXPECT_EQ(next_ports(8080).front(), 8081U);
  EXPECT_EQ(next_ports(80).front(), 1024U);
  EXPECT_THAT(next_ports(8080), SizeIs(64));
}

class Names : public Tunnels {
 protected:
  static Tunnel named(const std::string& name, Tunnel tunnel) {
    tunnel.set_name(name);
    return tunnel;
  }
};

CO_TEST_F(Names, AreUniqueInAJob) {
  const auto web = co_await set_.add(named("web", local("0:db:1")));
  EXPECT_EQ(web->tunnel().name(), "web");
  EXPECT_EQ((co_await set_.add(named("web", local("0:db:1"))))->bound_port(), web->bound_port());
  const auto other = co_await set_.add(named("web", local("0:db:2")));
  EXPECT_EQ(other.error().code, Code::kExists);
  EXPECT_THAT(other.error().message, HasSubstr("-> db:1 in train"));
  EXPECT_THAT(other.error().message, HasSubstr("--remove web"));
  // Without a name it is still the same tunnel; with another one it would have two.
  EXPECT_EQ((co_await set_.add(local("0:db:1")))->tunnel().name(), "web");
  const auto second = co_await set_.add(named("page", local("0:db:1")));
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_THAT(second.error().message, HasSubstr("web"));
}

}  // namespace
}  // namespace rdev::tunnels
