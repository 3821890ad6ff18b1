#include "client/tunnels/holder.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>

#include "client/state/job_record.h"
#include "client/tunnels/holder_server.h"
#include "client/tunnels/saved.h"
#include "client/tunnels/spec.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/tunnels/fake_agent.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Holder : public testing::Test {
 protected:
  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  Holder() {
    state::JobRecord record;
    record.name = "train";
    record.id = "1";
    record.cluster = "local";
    EXPECT_TRUE(state::save(paths_, record));
    make();
  }
  void make() {
    server_ = std::make_unique<HolderServer>(
        context_.get_executor(), paths_, "train", agent_.connect(),
        HolderServer::Options{.idle_limit = milliseconds(30),
                              .link = {.first_limit = milliseconds(100)}});
  }

  awaitable<void> serve() {
    co_await serve_until_it_ends();
    co_await server_->stop();
  }
  awaitable<void> serve_until_it_ends() {
    EXPECT_TRUE(co_await server_->restore());
    ended_ = co_await server_->run();
  }
  void start() { tasks_.spawn("holder", serve()); }
  awaitable<void> end() {
    server_->end({Code::kCancelled, "the test is over"});
    co_await tasks_.wait();
  }

  // As a process that connects, asks and goes.
  awaitable<Result<std::string>> exchange(HolderRequest request) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server_->adopt(base::Fd(ends[0]));
    HolderSocket socket(context_, asio::local::stream_protocol(), ends[1]);
    EXPECT_TRUE(co_await write_message(socket, request.SerializeAsString()));
    co_return co_await read_message(socket);
  }
  awaitable<HolderReply> ask(HolderRequest request) {
    const auto message = co_await exchange(std::move(request));
    EXPECT_TRUE(message);
    HolderReply reply;
    EXPECT_TRUE(message && reply.ParseFromString(*message));
    co_return reply;
  }
  awaitable<HolderReply> add(std::string spec, Tunnel::Kind kind = Tunnel::LOCAL) {
    HolderRequest request;
    *request.mutable_add() = *parse_spec(kind, spec);
    co_return co_await ask(std::move(request));
  }
  awaitable<HolderReply> list() {
    HolderRequest request;
    request.set_list(true);
    co_return co_await ask(std::move(request));
  }
  std::vector<Tunnel> kept() { return load_tunnels(paths_, "train").value(); }

  asio::io_context context_{1};
  test::TempDir dir_;
  state::Paths paths_ = dir_.paths();
  FakeAgent agent_{context_.get_executor()};
  std::unique_ptr<HolderServer> server_;
  base::TaskGroup tasks_{context_.get_executor()};
  std::optional<Error> ended_;
};

CO_TEST_F(Holder, ListensBeforeItAnswersAndKeepsTheTunnel) {
  start();
  const HolderReply reply = co_await add("0:db:1");
  EXPECT_EQ(reply.error(), "");
  const auto port = static_cast<std::uint16_t>(reply.tunnels(0).bound_port());
  tcp::socket client(context_);
  client.connect({asio::ip::address_v4::loopback(), port});
  EXPECT_THAT(kept(), SizeIs(1));
  EXPECT_EQ(kept()[0].listen_port(), port);
  EXPECT_EQ(test::mode_of(state::job_files(paths_, "train").dir / "tunnels"), 0600U);
  EXPECT_EQ((co_await list()).tunnels(0).bound_port(), port);
  co_await end();
  EXPECT_THAT(kept(), SizeIs(1));
}

CO_TEST_F(Holder, OpensWhatIsKept) {
  start();
  const auto port = (co_await add("0:db:1")).tunnels(0).bound_port();
  EXPECT_EQ((co_await add("9000:x:1", Tunnel::REMOTE)).error(), "");
  co_await end();
  make();
  start();
  HolderReply now = co_await list();
  while (now.tunnels_size() < 2 || !now.tunnels(1).problem().empty()) {
    now = co_await list();
  }
  EXPECT_EQ(now.tunnels(0).bound_port(), port);
  EXPECT_EQ(now.tunnels(0).problem(), "");
  EXPECT_EQ(now.tunnels(1).bound_port(), 9000U);
  co_await end();
}

CO_TEST_F(Holder, KeepsATunnelWhosePortIsTaken) {
  tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
  const std::string spec = std::to_string(other.local_endpoint().port()) + ":db:1";
  Tunnel exact = *parse_spec(Tunnel::LOCAL, spec);
  exact.set_exact(true);
  EXPECT_TRUE(save_tunnels(paths_, "train", {exact}));
  start();
  EXPECT_THAT((co_await list()).tunnels(0).problem(), HasSubstr("in use"));
  // Asked for it, too, it says so, and keeps it.
  EXPECT_THAT((co_await add(spec)).error(), HasSubstr("in use"));
  EXPECT_THAT(kept(), SizeIs(1));
  other.close();
  EXPECT_EQ((co_await add(spec)).error(), "");
  co_await end();
}

CO_TEST_F(Holder, KeepsThePortThatWasWanted) {
  tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
  const std::uint32_t port = other.local_endpoint().port();
  start();
  const HolderReply reply = co_await add(std::to_string(port) + ":db:1");
  EXPECT_EQ(reply.error(), "");
  EXPECT_NE(reply.tunnels(0).bound_port(), port);
  EXPECT_EQ(kept()[0].listen_port(), port);
  co_await end();
  other.close();
  make();
  start();
  EXPECT_EQ((co_await list()).tunnels(0).bound_port(), port);
  co_await end();
}

CO_TEST_F(Holder, LeavesWhoComesAtItsEndToTheNextOne) {
  tasks_.spawn("holder", serve_until_it_ends());
  HolderRequest request;
  *request.mutable_remove() = (co_await add("0:db:1")).tunnels(0).tunnel();
  co_await ask(request);
  co_await tasks_.wait();
  *request.mutable_add() = *parse_spec(Tunnel::LOCAL, "0:db:1");
  EXPECT_EQ((co_await exchange(request)).error().code, Code::kClosed);  // then it asks again
  co_await server_->stop();
}

CO_TEST_F(Holder, EndsWithItsLastTunnel) {
  start();
  const auto first = (co_await add("0:db:1")).tunnels(0).tunnel();
  const auto second = (co_await add("0:db:2")).tunnels(0).tunnel();
  HolderRequest request;
  *request.mutable_remove() = first;
  EXPECT_EQ((co_await ask(request)).error(), "");
  EXPECT_THAT((co_await ask(request)).error(), HasSubstr("there is no tunnel"));
  EXPECT_FALSE(ended_);
  *request.mutable_remove() = second;
  EXPECT_EQ((co_await ask(request)).error(), "");
  co_await tasks_.wait();
  EXPECT_THAT(ended_->message, HasSubstr("last tunnel"));
  EXPECT_THAT(kept(), IsEmpty());
}

CO_TEST_F(Holder, EndsWhenNobodyWantsAnything) {
  start();
  co_await tasks_.wait();
  EXPECT_THAT(ended_->message, HasSubstr("no tunnel"));
}

CO_TEST_F(Holder, EndsWithTheJobAndKeepsItsTunnels) {
  start();
  EXPECT_EQ((co_await add("0:db:1")).error(), "");
  agent_.cut({Code::kClosed, "the job has ended"});
  co_await tasks_.wait();
  EXPECT_EQ(ended_->message, "the job has ended");
  EXPECT_THAT(kept(), SizeIs(1));
}

CO_TEST_F(Holder, EndsWhenItIsAskedTo) {
  start();
  EXPECT_EQ((co_await add("0:db:1")).error(), "");
  HolderRequest request;
  request.set_stop(true);
  EXPECT_EQ((co_await ask(std::move(request))).error(), "");
  co_await tasks_.wait();
  EXPECT_TRUE(ended_);
}

CO_TEST_F(Holder, RefusesWhatItDoesNotKnow) {
  start();
  EXPECT_THAT((co_await ask({})).error(), HasSubstr("another version"));
  EXPECT_THAT((co_await add("/x/y:db:1")).error(), HasSubstr("/x/y"));
  co_await end();
}

CO_TEST_F(Holder, CutsOffWhoSendsTooMuch) {
  start();
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  server_->adopt(base::Fd(ends[0]));
  HolderSocket socket(context_, asio::local::stream_protocol(), ends[1]);
  const std::string head("\x00\x10\x00\x01", 4);
  EXPECT_EQ(::send(ends[1], head.data(), head.size(), 0), 4);
  EXPECT_EQ((co_await read_message(socket)).error().code, Code::kClosed);
  co_await end();
}

CO_TEST_F(Holder, WithoutOneTheAnswerIsMadeFromWhatIsKept) {
  const Tunnel tunnel = *parse_spec(Tunnel::LOCAL, "8080:db:1");
  EXPECT_TRUE(save_tunnels(paths_, "train", {tunnel}));
  HolderRequest request;
  request.set_list(true);
  const auto listed = co_await tunnels::ask(paths_, "train", request, Start::kNo);
  EXPECT_EQ(listed->tunnels(0).tunnel().target_host(), "db");
  EXPECT_THAT(listed->tunnels(0).problem(), HasSubstr("closed"));
  *request.mutable_remove() = tunnel;
  EXPECT_TRUE(co_await tunnels::ask(paths_, "train", request, Start::kNo));
  EXPECT_THAT(kept(), IsEmpty());
  const auto again = co_await tunnels::ask(paths_, "train", request, Start::kNo);
  EXPECT_EQ(again.error().code, Code::kNotFound);
  const auto no_job = co_await tunnels::ask(paths_, "other", request, Start::kNo);
  EXPECT_EQ(no_job.error().code, Code::kNotFound);
  EXPECT_TRUE(co_await tunnels::stop(paths_, "train"));
}

TEST(Saved, SaysWhatToDoAboutAFileThatCannotBeRead) {
  const test::TempDir dir;
  test::write_text(state::job_files(dir.paths(), "train").dir / "tunnels", "\xff\xff");
  const auto kept = load_tunnels(dir.paths(), "train");
  EXPECT_THAT(kept.error().message, HasSubstr("remove it"));
}

TEST(Saved, KeepsThePortOfConnect) {
  const test::TempDir dir;
  const state::Paths paths = dir.paths();
  EXPECT_FALSE(load_connect_port(paths, "train", Tunnel::CONNECT));
  std::filesystem::create_directories(state::job_files(paths, "train").dir);
  EXPECT_TRUE(save_connect_port(paths, "train", Tunnel::CONNECT, 4022));
  EXPECT_FALSE(load_connect_port(paths, "train", Tunnel::RAW));
  EXPECT_TRUE(save_connect_port(paths, "train", Tunnel::RAW, 4023));
  EXPECT_EQ(load_connect_port(paths, "train", Tunnel::CONNECT), 4022);
  EXPECT_EQ(load_connect_port(paths, "train", Tunnel::RAW), 4023);
  test::write_text(state::job_files(paths, "train").dir / "connect-port", "99999\n");
  EXPECT_FALSE(load_connect_port(paths, "train", Tunnel::CONNECT));
}

}  // namespace
}  // namespace rdev::tunnels
