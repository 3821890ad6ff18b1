#include "protocol/sshd/remote_forwards.h"

#include <gmock/gmock.h>

#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/sshd/agent_forward.h"
#include "protocol/sshd/direct_forwards.h"
#include "tests/unit/protocol/sshd/host_lab.h"

namespace rdev::sshd {
namespace {

using ssh::begin;
using ssh::Message;
using ssh::Writer;
using testing::ElementsAre;
using testing::IsEmpty;

// What the agent would do: names the places that listen, and holds a connection's way back.
struct Places {
  std::vector<std::string> listening, asked;
  std::vector<OpenBack> ways_back;
  bool slow = false;  // until `go`
  std::optional<base::Notify> go;
};

class FakeListening final : public Listening {
 public:
  FakeListening(Places& places, std::string name, std::uint16_t port)
      : places_(places), name_(std::move(name)), port_(port) {
    places_.listening.push_back(name_);
  }
  FakeListening(const FakeListening&) = delete;
  FakeListening& operator=(const FakeListening&) = delete;
  ~FakeListening() override { std::erase(places_.listening, name_); }
  std::uint16_t port() const override { return port_; }
  awaitable<void> accept(OpenBack open_back) override {
    places_.ways_back.push_back(std::move(open_back));
    base::Notify forever(co_await asio::this_coro::executor);
    co_await forever.wait();
  }

 private:
  Places& places_;
  const std::string name_;
  const std::uint16_t port_;
};

awaitable<Result<std::unique_ptr<Listening>>> listen(Places& places, ListenTarget target) {
  const std::string name =
      target.path.empty() ? target.host + ':' + std::to_string(target.port) : target.path;
  places.asked.push_back(name);
  if (places.slow) {
    co_await places.go->wait();
  }
  if (target.port == 80) {
    co_return fail(Code::kExists, "taken");
  }
  const std::uint16_t port = target.port == 0 && target.path.empty() ? 4000 : target.port;
  co_return std::make_unique<FakeListening>(places, name, port);
}

class RemoteForwardsTest : public HostTest, public ssh::Connection::Handler {
 protected:
  RemoteForwardsTest() {
    base::set_log_level(base::LogLevel::kOff);
    places.go.emplace(context.get_executor());
    host.services.listen = [this](const Peer&, ListenTarget target) {
      return listen(places, std::move(target));
    };
    connection = std::make_shared<ssh::Connection>(context.get_executor(), sink, *this,
                                                   ssh::Connection::Options{});
    forwards = std::make_shared<RemoteForwards>(host, std::make_shared<Peer>(), connection);
  }
  ~RemoteForwardsTest() override {
    forwards->stop();
    host.tasks.cancel();
    poll();
    base::set_log_level(base::LogLevel::kInfo);
  }
  bool on_channel(std::string_view, ssh::Reader, std::unique_ptr<ssh::ChannelOffer>) override {
    return true;
  }
  bool on_global_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply) override {
    return !RemoteForwards::is_one(type) || forwards->on_request(type, body, std::move(reply));
  }
  void send(std::string_view type, const std::string& body) {
    connection->packet(Message::kGlobalRequest,
                       Writer().string(type).boolean(true).raw(body).take());
  }
  std::vector<std::string> ask(std::string_view type, const std::string& body) {
    send(type, body);
    poll();
    return sink.take();
  }
  static std::string tcp(std::string_view name, std::uint32_t port) {
    return Writer().string(name).u32(port).take();
  }
  static std::string path(std::string_view name) { return Writer().string(name).take(); }

  Places places;
  std::shared_ptr<ssh::Connection> connection;
  std::shared_ptr<RemoteForwards> forwards;
  const std::string yes = begin(Message::kRequestSuccess).bytes();
  const std::string no = begin(Message::kRequestFailure).bytes();
};

TEST_F(RemoteForwardsTest, APortIsToldOnlyWhereTheClientLeftItOpen) {
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 0)),
              ElementsAre(Writer().raw(yes).u32(4000).take()));
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 8080)), ElementsAre(yes));
  EXPECT_THAT(ask("streamlocal-forward@openssh.com", path("/tmp/s")), ElementsAre(yes));
  EXPECT_THAT(places.listening, ElementsAre("localhost:0", "localhost:8080", "/tmp/s"));
}

TEST_F(RemoteForwardsTest, CancelledByThePortThatWasBoundAndTheNameThatWasAsked) {
  ask("tcpip-forward", tcp("localhost", 0));
  ask("streamlocal-forward@openssh.com", path("/tmp/s"));
  EXPECT_THAT(ask("cancel-tcpip-forward", tcp("localhost", 0)), ElementsAre(no));
  EXPECT_THAT(ask("cancel-tcpip-forward", tcp("127.0.0.1", 4000)), ElementsAre(no));
  EXPECT_THAT(ask("cancel-streamlocal-forward@openssh.com", path("/tmp/t")), ElementsAre(no));
  EXPECT_THAT(ask("cancel-tcpip-forward", tcp("localhost", 4000)), ElementsAre(yes));
  EXPECT_THAT(ask("cancel-streamlocal-forward@openssh.com", path("/tmp/s")), ElementsAre(yes));
  EXPECT_THAT(places.listening, IsEmpty());
  EXPECT_THAT(ask("cancel-tcpip-forward", tcp("localhost", 4000)), ElementsAre(no));
}

TEST_F(RemoteForwardsTest, ACancelWaitsForWhatItCancels) {
  places.slow = true;
  send("tcpip-forward", tcp("a", 1));
  send("cancel-tcpip-forward", tcp("a", 1));
  send("keepalive@openssh.com", "");
  poll();
  EXPECT_THAT(places.asked, ElementsAre("a:1"));
  EXPECT_THAT(sink.take(), IsEmpty());
  places.go->notify();
  poll();
  EXPECT_THAT(sink.take(), ElementsAre(yes, yes, yes));
  EXPECT_THAT(places.listening, IsEmpty());
}

TEST_F(RemoteForwardsTest, RefusedIsWhatCannotBe) {
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 80)), ElementsAre(no));
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 65536 + 8080)), ElementsAre(no));
  EXPECT_THAT(ask("tcpip-forward", tcp(std::string_view("a\0b", 3), 1)), ElementsAre(no));
  EXPECT_THAT(ask("streamlocal-forward@openssh.com", path("")), ElementsAre(no));
  EXPECT_THAT(ask("tcpip-forwards", tcp("localhost", 1)), ElementsAre(no));
  EXPECT_THAT(places.asked, ElementsAre("localhost:80"));
  host.services.listen = {};
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 8080)), ElementsAre(no));
}

TEST_F(RemoteForwardsTest, ThereAreNotTooMany) {
  for (std::uint32_t i = 0; i < RemoteForwards::kMost; ++i) {
    ASSERT_THAT(ask("tcpip-forward", tcp("localhost", 1000 + i)), ElementsAre(yes));
  }
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 1)), ElementsAre(no));
  EXPECT_THAT(ask("cancel-tcpip-forward", tcp("localhost", 1000)), ElementsAre(yes));
  EXPECT_THAT(ask("tcpip-forward", tcp("localhost", 1)), ElementsAre(yes));
}

TEST_F(RemoteForwardsTest, MalformedRequestsEndTheConnection) {
  for (const char* type :
       {"tcpip-forward", "cancel-tcpip-forward", "streamlocal-forward@openssh.com",
        "cancel-streamlocal-forward@openssh.com"}) {
    ssh::test::FakeSink own_sink;
    ssh::Connection own(context.get_executor(), own_sink, *this, {});
    own.packet(Message::kGlobalRequest,
               Writer().string(type).boolean(true).u32(5).raw("four").take());
    EXPECT_TRUE(own_sink.disconnected) << type;
  }
}

TEST_F(RemoteForwardsTest, EndsWithTheConnectionAlsoWhatIsStillBeingBound) {
  ask("tcpip-forward", tcp("localhost", 8080));
  places.slow = true;
  ask("tcpip-forward", tcp("localhost", 8081));
  ask("tcpip-forward", tcp("localhost", 8082));
  connection->closed({Code::kClosed, "gone"});
  forwards->stop();
  places.go->notify();
  poll();
  EXPECT_THAT(places.listening, IsEmpty());
  EXPECT_THAT(places.asked, ElementsAre("localhost:8080", "localhost:8081"));
  EXPECT_THAT(sink.take(), IsEmpty());
}

awaitable<void> keep(const OpenBack& open, Originator from,
                     std::optional<Result<std::unique_ptr<stream::Stream>>>& result) {
  result = co_await open(std::move(from));
}

TEST_F(RemoteForwardsTest, ChannelsCarryTheAddressAsTheClientWroteIt) {
  std::optional<Result<std::unique_ptr<stream::Stream>>> opened;
  ask("tcpip-forward", tcp("LocalHost", 0));
  host.tasks.spawn("open", keep(places.ways_back.at(0), {.host = "10.0.0.7", .port = 99}, opened));
  poll();
  EXPECT_THAT(sink.take(), ElementsAre(begin(Message::kChannelOpen)
                                           .string("forwarded-tcpip")
                                           .u32(0)
                                           .u32(2 * 1024 * 1024)
                                           .u32(32768)
                                           .string("LocalHost")
                                           .u32(4000)
                                           .string("10.0.0.7")
                                           .u32(99)
                                           .bytes()));
  connection->packet(Message::kChannelOpenConfirmation,
                     Writer().u32(0).u32(5).u32(1000).u32(500).take());
  poll();
  ASSERT_TRUE(opened && *opened);
  opened.reset();
  ask("streamlocal-forward@openssh.com", path("/tmp/s"));
  host.tasks.spawn("open", keep(places.ways_back.at(1), {}, opened));
  poll();
  EXPECT_THAT(sink.take().back(), testing::EndsWith(Writer().string("/tmp/s").string("").take()));
  connection->packet(Message::kChannelOpenFailure,
                     Writer().u32(1).u32(2).string("not here").string("").take());
  poll();
  ASSERT_TRUE(opened && !*opened);
  EXPECT_THAT(opened->error().message, testing::HasSubstr("not here"));
  opened.reset();
  connection.reset();
  host.tasks.spawn("open", keep(places.ways_back.at(0), {}, opened));
  poll();
  EXPECT_TRUE(opened && !*opened);
}

TEST_F(RemoteForwardsTest, AnAgentIsLentOnceAndUntilTheConnectionsEnd) {
  const auto agent = std::make_shared<AgentForward>(host, std::make_shared<Peer>(), connection);
  agent->ask({});
  EXPECT_FALSE(agent->wanted());
  int asked = 0;
  std::weak_ptr<void> loan;
  host.services.agent = [&](const Peer&, const OpenBack&) {
    auto made = std::make_shared<int>(++asked);
    loan = made;
    return lent(std::move(made));
  };
  agent->ask({});
  agent->ask({});
  EXPECT_TRUE(agent->wanted());
  poll();
  EXPECT_TRUE(agent->wanted());
  agent->ask({});
  poll();
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(loan.expired());
  agent->stop();
  EXPECT_TRUE(loan.expired());
  agent->ask({});
  EXPECT_FALSE(agent->wanted());
}

TEST_F(RemoteForwardsTest, AnAgentThatIsLentAfterTheConnectionsEndIsGivenBack) {
  const auto agent = std::make_shared<AgentForward>(host, std::make_shared<Peer>(), connection);
  std::weak_ptr<void> loan;
  host.services.agent = [&](const Peer&, const OpenBack&) {
    auto made = std::make_shared<int>();
    loan = made;
    return lent(std::move(made));
  };
  agent->ask({});
  agent->stop();
  poll();
  EXPECT_TRUE(loan.expired());
  EXPECT_FALSE(agent->wanted());
}

}  // namespace
}  // namespace rdev::sshd
