#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/agent/link_lab.h"
#include "tests/unit/agent/temporary.h"

// Each kind of stream with its real service.
namespace rdev::agent {
namespace {

using LinkServicesTest = LinkLab;

TEST_F(LinkServicesTest, ExecRunsAnArgv) {
  auto request = exec({"sh", "-c", "cat; echo oops >&2; echo \"$NEW $1\"; exit 7", "sh", "a  b"});
  request.mutable_session()->add_env("NEW=value");
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(exchange(*opened->stream, "input\n"), "input\nvalue a  b\n");
  EXPECT_EQ(test::run(context, read_all(*opened->stream, Lane::kStderr)), "oops\n");
  EXPECT_EQ(test::run(context, status_of(*opened->stream)), 7u);
}

TEST_F(LinkServicesTest, ACommandLineGoesToTheShell) {
  auto request = exec({"echo $((6 * 7))"});
  request.mutable_session()->set_kind(Session::COMMAND);
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(exchange(*opened->stream, ""), "42\n");
}

StreamRequest of_ssh_client(const std::string& command) {
  StreamRequest request;
  request.mutable_session()->set_kind(Session::COMMAND);
  request.mutable_session()->add_argv(command);
  request.mutable_session()->mutable_ssh()->set_remote_address("127.0.0.1:5");
  request.mutable_session()->mutable_ssh()->set_local_address("[::1]:6");
  return request;
}

TEST_F(LinkServicesTest, ASessionOfAnSshClientIsAsAtTheAgentsOwnServer) {
  auto request = of_ssh_client("echo $SSH_CONNECTION, $LANG, $BASH_ENV, $SSH_AUTH_SOCK");
  request.mutable_session()->add_env("LANG=C");
  request.mutable_session()->add_env("BASH_ENV=/evil");
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(exchange(*opened->stream, ""), "127.0.0.1 5 ::1 6, C, ,\n");
}

awaitable<void> write_all(stream::Stream& stream, std::string text) {
  EXPECT_TRUE(co_await stream.write(asio::buffer(text), Lane::kData));
  stream.write_eof();
}

awaitable<std::string> there_and_back(stream::Stream& stream, std::string text) {
  base::TaskGroup writing(co_await asio::this_coro::executor);
  writing.spawn("write", write_all(stream, std::move(text)));
  std::string back = co_await read_all(stream);
  co_await writing.wait();
  co_return back;
}

TEST_F(LinkServicesTest, ManyBytesBothWays) {
  const auto opened = open(exec({"cat"}));
  ASSERT_TRUE(opened) << opened.error().message;
  std::string much(std::size_t{20} << 20U, 'x');
  for (std::size_t i = 0; i < much.size(); i += 997) {
    much[i] = static_cast<char>('a' + i % 26);
  }
  EXPECT_TRUE(test::run(context, there_and_back(*opened->stream, much)) == much);
}

TEST_F(LinkServicesTest, ATerminal) {
  auto request = exec({"sh", "-c", "stty size; tty"});
  request.mutable_session()->mutable_terminal()->set_columns(90);
  request.mutable_session()->mutable_terminal()->set_rows(30);
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_THAT(test::run(context, read_all(*opened->stream)), HasSubstr("30 90\r\n/dev/"));
}

TEST_F(LinkServicesTest, WhatCannotRunSaysSo) {
  const auto opened = open(exec({"/does/not/exist"}));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_THAT(test::run(context, read_all(*opened->stream, Lane::kStderr)),
              HasSubstr("/does/not/exist"));
  EXPECT_EQ(test::run(context, status_of(*opened->stream)), 127u);
}

StreamRequest listen_on(std::uint16_t port) {
  StreamRequest request;
  request.mutable_listen()->set_port(port);
  return request;
}

awaitable<bool> child_came(LaptopHandler& handler) {
  while (!handler.child) {
    co_await handler.changed.wait();
  }
  co_return true;
}

// The job listens for the laptop, and a forward of the same link connects there.
TEST_F(LinkServicesTest, ListenAndConnect) {
  const auto listening = open(listen_on(0));
  ASSERT_TRUE(listening) << listening.error().message;
  Listening answer;
  ASSERT_TRUE(answer.ParseFromString(listening->answer));
  ASSERT_NE(answer.port(), 0u);
  StreamRequest request;
  request.mutable_tcp()->set_host("127.0.0.1");
  request.mutable_tcp()->set_port(answer.port());
  const auto near = open(request);
  ASSERT_TRUE(near) << near.error().message;
  test::run(context, child_came(handler));
  EXPECT_EQ(handler.accepted.originator(), "127.0.0.1");
  EXPECT_NE(handler.accepted.originator_port(), 0u);
  EXPECT_TRUE(test::run(context, written(*near->stream, "there")));
  EXPECT_EQ(test::run(context, read_all(*handler.child)), "there");
  EXPECT_TRUE(test::run(context, written(*handler.child, "and back")));
  EXPECT_EQ(test::run(context, read_all(*near->stream)), "and back");
}

TEST_F(LinkServicesTest, ListeningEndsWithItsStream) {
  auto listening = open(listen_on(0));
  ASSERT_TRUE(listening) << listening.error().message;
  Listening answer;
  ASSERT_TRUE(answer.ParseFromString(listening->answer));
  listening->stream.reset();
  until([&] { return endpoint.streams() == 0; });
  StreamRequest request;
  request.mutable_tcp()->set_host("127.0.0.1");
  request.mutable_tcp()->set_port(answer.port());
  EXPECT_THAT(refusal(request), HasSubstr("127.0.0.1"));
}

TEST_F(LinkServicesTest, AListeningThatAnswersOurEndHasGivenItsPlaceFree) {
  const auto first = open(listen_on(0));
  ASSERT_TRUE(first) << first.error().message;
  Listening answer;
  ASSERT_TRUE(answer.ParseFromString(first->answer));
  EXPECT_EQ(exchange(*first->stream, ""), "");
  const auto second = open(listen_on(answer.port()));
  EXPECT_TRUE(second) << second.error().message;
}

TEST_F(LinkServicesTest, AnAgentIsLentAsLongAsItsStream) {
  StreamRequest request;
  request.mutable_lend_agent();
  auto lent = open(request);
  ASSERT_TRUE(lent) << lent.error().message;
  auto asks = of_ssh_client("echo $SSH_AUTH_SOCK");
  asks.mutable_session()->mutable_ssh()->set_agent(true);
  const auto session = open(asks);
  ASSERT_TRUE(session) << session.error().message;
  std::string path = exchange(*session->stream, "");
  ASSERT_THAT(path, testing::StartsWith("/"));
  path.pop_back();
  request.mutable_unix_socket()->set_path(path);
  const auto program = open(request);
  ASSERT_TRUE(program) << program.error().message;
  test::run(context, child_came(handler));
  EXPECT_TRUE(test::run(context, written(*handler.child, "from the laptop's agent")));
  EXPECT_EQ(test::run(context, read_all(*program->stream)), "from the laptop's agent");
  lent->stream.reset();
  until([&] { return endpoint.streams() <= 3; });
  const auto late = open(request);
  EXPECT_TRUE(late) << late.error().message;
  EXPECT_EQ(test::run(context, read_all(*late->stream)), "");  // nobody's agent any more
}

TEST_F(LinkServicesTest, UnixSocketsBothWays) {
  const test::Temporary directory;
  const std::string path = directory / "socket";
  StreamRequest request;
  request.mutable_listen()->set_path(path);
  const auto listening = open(request);
  ASSERT_TRUE(listening) << listening.error().message;
  request.mutable_unix_socket()->set_path(path);
  const auto near = open(request);
  ASSERT_TRUE(near) << near.error().message;
  test::run(context, child_came(handler));
  EXPECT_TRUE(test::run(context, written(*handler.child, "from the laptop")));
  EXPECT_EQ(test::run(context, read_all(*near->stream)), "from the laptop");
}

// Joins a socket to a stream of the link: what `rdev proxy --raw` does.
awaitable<void> copy_out(stream::Stream& from, asio::local::stream_protocol::socket& to) {
  char buffer[65536];
  for (;;) {
    const auto n = co_await from.read(asio::buffer(buffer), Lane::kData);
    if (!n || *n == 0) {
      to.close();
      co_return;
    }
    co_await asio::async_write(to, asio::buffer(buffer, *n), use_tuple);
  }
}

awaitable<void> copy_in(asio::local::stream_protocol::socket& from, stream::Stream& to) {
  char buffer[65536];
  for (;;) {
    const auto [error, n] = co_await from.async_read_some(asio::buffer(buffer), use_tuple);
    if (error || !co_await to.write(asio::buffer(buffer, n), Lane::kData)) {
      to.close();
      co_return;
    }
  }
}

awaitable<std::string> remote_address(base::Fd socket, ssh::PublicKey host,
                                      const ssh::PrivateKey& key) {
  auto client = co_await ssh::Client::connect(std::move(socket),
                                              {.user = "rdev", .host_key = std::move(host)}, key);
  if (!client) {
    co_return client.error().message;
  }
  const auto stream = co_await (*client)->exec("echo \"$SSH_CONNECTION|\"; exit 3");
  std::string text = co_await read_all(**stream);
  const auto status = co_await (*stream)->read_event();
  EXPECT_TRUE(status && std::get<stream::ExitStatus>(*status).code == 3);
  co_await (*client)->disconnect();
  co_return text;
}

TEST_F(LinkServicesTest, AnSshConnectionWithinTheLink) {
  StreamRequest request;
  request.mutable_ssh();
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  asio::local::stream_protocol::socket socket(executor, asio::local::stream_protocol(), ends[0]);
  base::TaskGroup joined(executor);
  joined.spawn("out", copy_out(*opened->stream, socket));
  joined.spawn("in", copy_in(socket, *opened->stream));
  EXPECT_EQ(test::run(context, remote_address(base::Fd(ends[1]), host_public, user_key)),
            "UNKNOWN 65535 UNKNOWN 65535|\n");
  until([&] { return joined.size() == 0; });
}

TEST_F(LinkServicesTest, ExtendAnswersWhatIsLeft) {
  StreamRequest request;
  request.mutable_extend()->set_add_seconds(3600);
  const auto opened = open(request);
  ASSERT_TRUE(opened) << opened.error().message;
  Extended answer;
  ASSERT_TRUE(answer.ParseFromString(opened->answer));
  EXPECT_GT(answer.remaining_seconds(), 7190u);
  EXPECT_LE(answer.remaining_seconds(), 7200u);
}

TEST_F(LinkServicesTest, NothingIsLeftOfAThousandStreams) {
  for (int i = 0; i < 100; ++i) {
    std::vector<link::Opened> opened;
    StreamRequest request;
    request.mutable_ssh();
    for (int j = 0; j < 10; ++j) {
      auto one = open(request);
      ASSERT_TRUE(one) << one.error().message;
      opened.push_back(std::move(*one));
    }
  }
  until([&] { return server.connections() == 1 && endpoint.streams() == 0; });
}

}  // namespace
}  // namespace rdev::agent
