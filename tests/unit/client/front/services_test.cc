#include "client/front/services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <optional>

#include "protocol/stream/fake.h"
#include "tests/unit/run.h"

namespace rdev::front {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const sshd::Peer kPeer{.user = "ada", .remote_address = "127.0.0.1:5", .local_address = "[::1]:6"};

// A link whose agent does as it is told.
class FakeStreams final : public Streams {
 public:
  explicit FakeStreams(asio::io_context& context) : context_(context) {}

  awaitable<Result<link::Opened>> open(StreamRequest request) override {
    asked.push_back(std::move(request));
    if (refuse) {
      co_return tl::make_unexpected(*refuse);
    }
    auto [ours, theirs] = stream::make_pair(context_.get_executor());
    agents_end = std::move(theirs);
    co_return link::Opened{.stream = std::move(ours), .answer = answer, .id = 7};
  }
  awaitable<Result<link::Opened>> listen(StreamRequest request, OnAccepted accepted) override {
    on_accepted = std::move(accepted);
    co_return co_await open(std::move(request));
  }
  void forget(mux::StreamId id) override { forgotten = id; }

  std::vector<StreamRequest> asked;
  std::optional<Error> refuse;
  std::string answer;
  std::unique_ptr<stream::Stream> agents_end;
  OnAccepted on_accepted;
  mux::StreamId forgotten = 0;

 private:
  asio::io_context& context_;
};

// A stream that the agent offers below another one.
class ChildOffer final : public link::Offer {
 public:
  ChildOffer(const asio::any_io_executor& executor, std::shared_ptr<stream::Answer> answer)
      : offer_(executor, std::move(answer)) {}
  std::unique_ptr<stream::Stream> accept() override { return offer_.accept(); }
  std::unique_ptr<stream::Stream> accept(std::string_view) override { return offer_.accept(); }
  void refuse(stream::Refusal why, std::string reason) override {
    offer_.refuse(why, std::move(reason));
  }
  mux::StreamId id() const override { return 8; }

 private:
  stream::FakeOffer offer_;
};

class FrontTest : public testing::Test {
 protected:
  void run(awaitable<void> test) { test::run(context, around(std::move(test))); }
  awaitable<void> around(awaitable<void> test) {
    co_await std::move(test);
    streams.agents_end.reset();
    clients_end.reset();
    joints.tasks.cancel();
    co_await joints.tasks.wait();
    tasks.cancel();
    co_await tasks.wait();
  }
  // What an SSH client's channel of that kind comes to.
  std::shared_ptr<stream::Answer> channel(const sshd::SessionHandler& handler,
                                          sshd::SessionStart start) {
    const auto answer = std::make_shared<stream::Answer>(context.get_executor());
    tasks.spawn("channel",
                handler(kPeer, std::move(start),
                        std::make_unique<stream::FakeOffer>(context.get_executor(), answer)));
    return answer;
  }
  // The client's side of a channel that the front asks it for.
  sshd::OpenBack open_back() {
    return [this](const sshd::Originator& from) { return give(from); };
  }
  awaitable<Result<std::unique_ptr<stream::Stream>>> give(sshd::Originator from) {
    originators.push_back(from.host + ":" + std::to_string(from.port));
    if (originators.size() > 1) {
      co_return fail(Code::kUnavailable, "the client takes one only");
    }
    auto [ours, theirs] = stream::make_pair(context.get_executor());
    clients_end = std::move(theirs);
    co_return std::move(ours);
  }
  std::shared_ptr<stream::Answer> connection_in_the_job(const std::string& host, int port) {
    Accepted accepted;
    accepted.set_originator(host);
    accepted.set_originator_port(static_cast<std::uint32_t>(port));
    const auto answer = std::make_shared<stream::Answer>(context.get_executor());
    streams.on_accepted(accepted, std::make_unique<ChildOffer>(context.get_executor(), answer));
    return answer;
  }

  asio::io_context context;
  FakeStreams streams{context};
  Joints joints{context.get_executor(), streams};
  sshd::Services table = services(joints, {});
  base::TaskGroup tasks{context.get_executor()};
  std::unique_ptr<stream::Stream> clients_end;
  std::vector<std::string> originators;
};

TEST(SessionRequest, IsThatOfAnSshClient) {
  sshd::SessionStart start{.command = "ls -l", .pty = {}, .env = {{"LANG", "C"}}, .agent = true};
  start.pty = sshd::Pty{.term = "xterm", .size = {.columns = 80, .rows = 25}, .modes = "\1"};
  const Session session = session_request(Session::COMMAND, kPeer, std::move(start));
  EXPECT_THAT(session.argv(), ElementsAre("ls -l"));
  EXPECT_THAT(session.env(), ElementsAre("LANG=C"));
  EXPECT_EQ(session.user(), "ada");
  EXPECT_EQ(session.terminal().term(), "xterm");
  EXPECT_EQ(session.terminal().columns(), 80U);
  EXPECT_EQ(session.terminal().modes(), "\1");
  EXPECT_EQ(session.ssh().remote_address(), "127.0.0.1:5");
  EXPECT_EQ(session.ssh().local_address(), "[::1]:6");
  EXPECT_TRUE(session.ssh().agent());
}

TEST(SessionRequest, OfAShellHasNoWordsAndNoTerminalUnlessAskedFor) {
  const Session session = session_request(Session::SHELL, kPeer, {});
  EXPECT_EQ(session.argv_size(), 0);
  EXPECT_FALSE(session.has_terminal());
  EXPECT_TRUE(session.has_ssh());
}

CO_TEST_F(FrontTest, ASessionIsOneRequestAndIsJoined) {
  const auto answer = channel(table.exec, {.command = "x", .pty = {}, .env = {}});
  co_await answer->wait();
  EXPECT_EQ(streams.asked.size(), 1U);
  streams.agents_end->send_event(stream::ExitStatus{.code = 4});
  const auto event = co_await answer->peer->read_event();
  EXPECT_EQ(std::get<stream::ExitStatus>(*event).code, 4U);
}

CO_TEST_F(FrontTest, ARefusalKeepsItsReason) {
  streams.refuse = Error{Code::kPermission, "the job's configuration denies it"};
  const auto answer = std::make_shared<stream::Answer>(context.get_executor());
  co_await table.direct_tcpip(kPeer, {.host = "db", .port = 1},
                              std::make_unique<stream::FakeOffer>(context.get_executor(), answer));
  EXPECT_EQ(answer->refused->first, stream::Refusal::kProhibited);
  EXPECT_EQ(answer->refused->second, "the job's configuration denies it");
  EXPECT_EQ(streams.asked.at(0).tcp().host(), "db");
}

CO_TEST_F(FrontTest, EveryAddressIsNotTheLinksLoopback) {
  rdev::Listening bound;
  bound.set_port(81);
  streams.answer = bound.SerializeAsString();
  const auto listening = co_await table.listen(kPeer, {.host = "", .port = 80});
  EXPECT_EQ((*listening)->port(), 81);
  EXPECT_EQ(streams.asked.at(0).listen().host(), "*");
}

CO_TEST_F(FrontTest, AnAgentThatDoesNotSayItsPortIsAtFault) {
  const auto listening = co_await table.listen(kPeer, {.host = "localhost", .port = 0});
  EXPECT_EQ(listening.error().code, Code::kProtocol);
  EXPECT_EQ(streams.forgotten, 7U);
}

CO_TEST_F(FrontTest, ConnectionsOfTheJobBecomeChannels) {
  const auto listening = co_await table.listen(kPeer, {.path = "/s"});
  const auto early = connection_in_the_job("10.0.0.1", 5);  // before anybody accepts
  tasks.spawn("listening", (*listening)->accept(open_back()));
  co_await early->wait();
  std::string hello = "hello";
  EXPECT_TRUE(co_await early->peer->write(asio::buffer(hello)));
  char text[10];
  EXPECT_EQ(co_await clients_end->read(asio::buffer(text)), 5U);
  const auto second = connection_in_the_job("10.0.0.2", 6);
  co_await second->wait();
  EXPECT_THAT(second->refused->second, HasSubstr("takes one only"));
  EXPECT_THAT(originators, ElementsAre("10.0.0.1:5", "10.0.0.2:6"));
  // The listening ends when the agent says so; what was accepted goes on.
  tasks.cancel();
  char none[1];
  EXPECT_EQ(co_await streams.agents_end->read(asio::buffer(none)), 0U);
  streams.agents_end->close();
  co_await tasks.wait();
  EXPECT_TRUE(co_await early->peer->write(asio::buffer(hello)));
  EXPECT_EQ(co_await clients_end->read(asio::buffer(text)), 5U);
}

CO_TEST_F(FrontTest, AnAgentIsLentUntilTheLoanEnds) {
  auto loan = co_await table.agent(kPeer, open_back());
  EXPECT_EQ(streams.asked.at(0).lend_agent().user(), "ada");
  const auto asked = connection_in_the_job("", 0);
  co_await asked->wait();
  EXPECT_NE(asked->peer, nullptr);
  *loan = nullptr;
  EXPECT_EQ(streams.forgotten, 7U);
  EXPECT_FALSE(co_await streams.agents_end->read_event());
  streams.refuse = Error{Code::kPermission, "denied"};
  EXPECT_FALSE(co_await table.agent(kPeer, open_back()));
}

}  // namespace
}  // namespace rdev::front
