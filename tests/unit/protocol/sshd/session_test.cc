#include "protocol/sshd/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/protocol/sshd/host_lab.h"
#include "tests/unit/run.h"

namespace rdev::sshd {
namespace {

using ssh::begin;
using ssh::Message;
using ssh::Writer;
using ssh::test::request_packet;
using ssh::test::simple;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kTheirs = 77;

// A session channel of its own, number 0, and what its services were asked.
class SessionTest : public HostTest {
 protected:
  SessionTest() {
    host.services.exec = [this](const Peer&, SessionStart start,
                                std::unique_ptr<stream::Offer> offer) {
      return take(std::move(start), std::move(offer));
    };
    host.services.subsystems["sftp"] = host.services.exec;
    connection.packet(Message::kChannelOpen,
                      ssh::test::open_packet("session", kTheirs, 10'000, 1000));
    handler.offers.at(0)->accept()->set_requests(make_session());
    sink.take();
  }
  ~SessionTest() override {
    offers.clear();
    streams.clear();
    host.tasks.cancel();
    poll();
  }
  awaitable<void> take(SessionStart start, std::unique_ptr<stream::Offer> offer) {
    starts.push_back(std::move(start));
    offers.push_back(std::move(offer));
    co_return;
  }
  std::unique_ptr<Session> make_session() {
    const auto peer = std::make_shared<Peer>();
    return std::make_unique<Session>(
        host, peer, std::make_shared<AgentForward>(host, peer, std::weak_ptr<ssh::Connection>()));
  }
  // What is sent for this request, once everything has run.
  std::vector<std::string> ask(std::string_view type, const std::string& body = "") {
    connection.packet(Message::kChannelRequest, request_packet(0, type, true, body));
    poll();
    return sink.take();
  }

  std::vector<SessionStart> starts;
  std::vector<std::unique_ptr<stream::Offer>> offers;
  std::vector<std::unique_ptr<stream::Stream>> streams;
  ssh::test::FakeHandler handler;
  ssh::Connection connection{context.get_executor(), sink, handler, {}};
  const std::string yes = simple(Message::kChannelSuccess, kTheirs);
  const std::string no = simple(Message::kChannelFailure, kTheirs);
};

std::string env(std::string_view name, std::string_view value) {
  return Writer().string(name).string(value).take();
}
std::string pty(std::uint32_t columns) {
  return Writer().string("xterm").u32(columns).u32(24).u32(1).u32(2).string("\x01modes").take();
}

TEST_F(SessionTest, CollectsTerminalAndEnvironmentInOrder) {
  EXPECT_THAT(ask("pty-req", pty(80)), ElementsAre(yes));
  EXPECT_THAT(ask("window-change", Writer().u32(100).u32(30).u32(0).u32(0).take()),
              ElementsAre(yes));
  EXPECT_THAT(ask("env", env("LANG", "C")), ElementsAre(yes));
  EXPECT_THAT(ask("env", env("A", "")), ElementsAre(yes));
  EXPECT_THAT(ask("exec", Writer().string("make all").take()), IsEmpty());
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].command, "make all");
  EXPECT_EQ(starts[0].pty->term, "xterm");
  EXPECT_EQ(starts[0].pty->size.columns, 100u);
  EXPECT_EQ(starts[0].pty->modes, "\x01modes");
  EXPECT_THAT(starts[0].env, ElementsAre(testing::Pair("LANG", "C"), testing::Pair("A", "")));
  streams.push_back(offers[0]->accept());
  EXPECT_THAT(sink.take(), ElementsAre(yes));
}

TEST_F(SessionTest, ASubsystemMayHaveAWiderWindow) {
  constexpr std::uint32_t kUsual = 2U << 20U, kWide = 5U << 20U;
  host.services.windows["sftp"] = kWide;
  EXPECT_THAT(ask("exec", Writer().string("sftp").take()), IsEmpty());
  offers.clear();  // refused
  sink.take();
  EXPECT_THAT(
      ask("subsystem", Writer().string("sftp").take()),
      ElementsAre(begin(Message::kChannelWindowAdjust, kTheirs).u32(kWide - kUsual).bytes()));
}

TEST_F(SessionTest, OneStartOnlyAndAnswersInOrder) {
  const std::string exec = Writer().string("x").take();
  EXPECT_THAT(ask("exec", exec), IsEmpty());
  EXPECT_THAT(ask("exec", exec), IsEmpty());  // refused, after the first one's answer
  streams.push_back(offers[0]->accept());
  EXPECT_THAT(sink.take(), ElementsAre(yes, no));
  EXPECT_THAT(ask("exec", exec), ElementsAre(no));
  EXPECT_THAT(ask("subsystem", Writer().string("sftp").take()), ElementsAre(no));
  EXPECT_THAT(ask("pty-req", pty(80)), ElementsAre(no));
  EXPECT_THAT(ask("env", env("A", "b")), ElementsAre(no));
  EXPECT_EQ(starts.size(), 1u);
}

TEST_F(SessionTest, ARefusedStartMayBeFollowedByAnother) {
  ask("subsystem", Writer().string("sftp").take());
  EXPECT_EQ(starts.at(0).command, "sftp");
  offers[0]->refuse(stream::Refusal::kProhibited, "not here");
  EXPECT_THAT(
      sink.take(),
      ElementsAre(
          begin(Message::kChannelExtendedData, kTheirs).u32(1).string("not here\r\n").bytes(), no));
  ask("exec", Writer().string("sftp-server").take());
  ASSERT_EQ(starts.size(), 2u);
  offers.clear();  // dropped unanswered
  EXPECT_THAT(sink.take(), ElementsAre(no));
}

TEST_F(SessionTest, WhatHasNoHandlerIsRefused) {
  EXPECT_THAT(ask("shell"), ElementsAre(no));
  EXPECT_THAT(ask("subsystem", Writer().string("netconf").take()), ElementsAre(no));
  EXPECT_THAT(ask("x11-req"), ElementsAre(no));
  EXPECT_THAT(ask("auth-agent-req@openssh.com"), ElementsAre(no));
  EXPECT_THAT(ask("signal", Writer().string("TERM").take()), ElementsAre(no));  // nothing runs
  EXPECT_TRUE(starts.empty());
}

TEST_F(SessionTest, AServiceHearsThatAnAgentIsLent) {
  host.services.agent = [](const Peer&, const OpenBack&) { return lent(std::make_shared<int>()); };
  EXPECT_THAT(ask("auth-agent-req@openssh.com"), ElementsAre(yes));
  ask("exec", Writer().string("x").take());
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_TRUE(starts[0].agent);
}

TEST_F(SessionTest, ARefusedAgentIsNoneButTheSessionStarts) {
  host.services.agent = [](const Peer&, const OpenBack&) {
    return lent(fail(Code::kPermission, "denied"));
  };
  EXPECT_THAT(ask("auth-agent-req@openssh.com"), ElementsAre(no));
  ask("exec", Writer().string("x").take());
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_FALSE(starts[0].agent);
}

TEST_F(SessionTest, TheEnvironmentIsBounded) {
  for (int i = 0; i < 128; ++i) {
    ASSERT_THAT(ask("env", env("N" + std::to_string(i), "v")), ElementsAre(yes));
  }
  EXPECT_THAT(ask("env", env("N128", "v")), ElementsAre(no));
}

TEST_F(SessionTest, TheEnvironmentsBytesAreBoundedAndItsNamesChecked) {
  EXPECT_THAT(ask("env", env("A", std::string(65'000, 'x'))), ElementsAre(yes));
  EXPECT_THAT(ask("env", env("B", std::string(1000, 'x'))), ElementsAre(no));
  EXPECT_THAT(ask("env", env("", "x")), ElementsAre(no));
  EXPECT_THAT(ask("env", env("A=B", "x")), ElementsAre(no));
  EXPECT_THAT(ask("env", env(std::string_view("A\0B", 3), "x")), ElementsAre(no));
}

TEST_F(SessionTest, AVariableThatIsNotTakenIsRefused) {
  host.services.accepts_variable = [](std::string_view name) { return name == "LANG"; };
  EXPECT_THAT(ask("env", env("LD_PRELOAD", "x")), ElementsAre(no));
  EXPECT_THAT(ask("env", env("LANG", "C")), ElementsAre(yes));
  ask("exec", Writer().string("make").take());
  EXPECT_THAT(starts.at(0).env, ElementsAre(testing::Pair("LANG", "C")));
}

TEST_F(SessionTest, MalformedRequestsEndTheConnection) {
  for (const char* type : {"pty-req", "env", "exec", "subsystem", "window-change", "signal"}) {
    ssh::test::FakeSink own_sink;
    ssh::test::FakeHandler own_handler;
    ssh::Connection own(context.get_executor(), own_sink, own_handler, {});
    own.packet(Message::kChannelOpen, ssh::test::open_packet("session", kTheirs, 10, 10));
    own_handler.offers.at(0)->accept()->set_requests(make_session());
    own.packet(Message::kChannelRequest, request_packet(0, type, true, "\x01"));
    EXPECT_TRUE(own_sink.disconnected) << type;
  }
}

awaitable<void> read_events(stream::Stream& stream, std::vector<stream::Event>& events) {
  for (;;) {
    auto event = co_await stream.read_event();
    if (!event) {
      co_return;
    }
    events.push_back(std::move(*event));
  }
}

TEST_F(SessionTest, EventsReachTheServiceAlsoThoseBeforeItsAnswer) {
  ask("pty-req", pty(80));  // without a terminal there is nothing to break
  ask("exec", Writer().string("x").take());
  connection.packet(Message::kChannelRequest,
                    request_packet(0, "signal", false, Writer().string("INT").take()));
  streams.push_back(offers[0]->accept());
  connection.packet(Message::kChannelRequest,
                    request_packet(0, "break", false, Writer().u32(5).take()));
  std::vector<stream::Event> events;
  host.tasks.spawn("events", read_events(*streams[0], events));
  poll();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<stream::Signal>(events[0]).name, "INT");
  EXPECT_EQ(std::get<stream::Break>(events[1]).milliseconds, 5u);
}

TEST_F(SessionTest, AClosedChannelsOfferIsHarmless) {
  ask("exec", Writer().string("x").take());
  connection.packet(Message::kChannelClose, ssh::test::id_packet(0));
  sink.take();
  streams.push_back(offers[0]->accept());
  EXPECT_THAT(sink.take(), IsEmpty());
}

}  // namespace
}  // namespace rdev::sshd
