#include "agent/sftp/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <thread>

#include "tests/unit/agent/sftp/client.h"

namespace rdev::sftp {
namespace {

#ifdef __has_feature
constexpr bool kSanitized = __has_feature(address_sanitizer);  // it keeps what was freed
#else
constexpr bool kSanitized = false;
#endif

TEST(SftpServer, TellsItsVersionAndExtensions) {
  Client client;
  client.send(framed(packet(Type::kInit, 6)));
  const auto reply = client.receive();
  EXPECT_EQ(reply.type, Type::kVersion);
  EXPECT_EQ(reply.id, 3U);
  std::map<std::string, std::string> extensions;
  for (auto in = reply.fields(); !in.empty() && in.good();) {
    const std::string name(in.get<std::string_view>());
    extensions[name] = in.get<std::string_view>();
  }
  EXPECT_EQ(extensions.size(), 11U);
  EXPECT_EQ(extensions["posix-rename@openssh.com"], "1");
  EXPECT_EQ(extensions["statvfs@openssh.com"], "2");
  EXPECT_EQ(extensions["copy-data"], "1");
}

TEST(SftpServer, AnswersWhatItDoesNotKnow) {
  Client client;
  EXPECT_EQ(client.ask(Type::kAttrs).status(), 8);
  EXPECT_EQ(client.extended("something@example.org", Fields().u32(1)).status(), 8);
  EXPECT_EQ(client.finish(), 0);
  EXPECT_EQ(client.errors(), "");
}

TEST(SftpServer, EndsWithASentenceOnABrokenPacket) {
  const struct {
    std::string bytes;
    const char* says;
  } cases[] = {
      {framed(""), "a packet of 0 bytes"},
      {Fields().u32(kMaxPacket + 1).bytes(), "a packet of 262145 bytes"},
      {"GET / HTTP/1.1\r\n\r\n", "something else than an SFTP client"},
      {framed(packet(Type::kRead, 1, Fields().string("h"))), "type 5 lacks some of its fields"},
      {framed("\x05"), "type 5 lacks some of its fields"},
      {framed(packet(Type::kExtended, 1, Fields().u32(1000))), "type 200 lacks"},
  };
  for (const auto& c : cases) {
    Client client;
    client.send(c.bytes);
    char byte = 0;
    EXPECT_EQ(::recv(client.fd(), &byte, 1, 0), 0) << "it must end by itself";
    EXPECT_EQ(client.finish(), 1);
    EXPECT_NE(client.errors().find(c.says), std::string::npos) << client.errors();
  }
}

TEST(SftpServer, ToldOfAnEndWithinAPacket) {
  Client client;
  client.send("\0\0");
  client.send(std::string_view("\0\0", 2));
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(client.finish(), 1);
  EXPECT_NE(client.errors().find("ends within a packet"), std::string::npos);
}

TEST(SftpServer, AnswersPipelinedRequestsInTheirOrder) {
  Client client;
  const auto file = client.open("file", kOpenRead | kOpenWrite | kOpenCreate);
  std::string bytes;
  for (std::uint32_t i = 0; i < 500; ++i) {
    const std::uint64_t at = std::uint64_t{4} * i;
    bytes += framed(packet(Type::kWrite, 2 * i, Fields().string(file).u64(at).string("abcd")));
    bytes += framed(packet(Type::kRead, 2 * i + 1, Fields().string(file).u64(at).u32(4)));
  }
  bytes += framed(packet(Type::kStat, 1000, Fields().string("file")));
  // And however they are cut; beside, for a server whose answers nobody reads reads no more.
  const std::jthread sender([&client, &bytes] {
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
      client.send(std::string_view(bytes).substr(at, 7));
    }
  });
  for (std::uint32_t i = 0; i <= 1000; ++i) {
    EXPECT_EQ(client.receive().id, i);
  }
}

std::size_t resident_kb(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * 4;
}

// Sends whole requests until the socket takes no more and goes on not taking any.
std::uint32_t ask_until_refused(const Client& client, std::string_view file) {
  std::uint32_t sent = 0;
  std::string rest;
  for (;;) {
    if (rest.empty()) {
      rest = framed(packet(Type::kRead, sent++, Fields().string(file).u64(0).u32(kMaxData)));
    }
    const ssize_t n = ::send(client.fd(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      rest.erase(0, static_cast<std::size_t>(n));
      continue;
    }
    struct pollfd wait{.fd = client.fd(), .events = POLLOUT, .revents = 0};
    if (::poll(&wait, 1, 300) == 0) {
      EXPECT_EQ(rest.size(),
                framed(packet(Type::kRead, 0, Fields().string(file).u64(0).u32(0))).size())
          << "a packet socket takes small packets whole or not";
      return sent - 1;
    }
  }
}

TEST(SftpServer, AClientThatAsksAndDoesNotReadCostsNothing) {
  Client client;
  const auto file = client.open("file", kOpenRead | kOpenWrite | kOpenCreate);
  ASSERT_EQ(client.write(file, 0, std::string(kMaxData, 'x')).status(), 0);
  const auto sent = ask_until_refused(client, file);
  EXPECT_LT(sent, 100'000U);  // it stopped reading
  if (!kSanitized) {
    EXPECT_LT(resident_kb(client.pid()), 12'000U);
  }
  for (std::uint32_t i = 0; i < sent; ++i) {
    const auto reply = client.receive();
    ASSERT_EQ(reply.id, i);
    ASSERT_EQ(reply.body.size(), kMaxData + 4);
  }
}

TEST(SftpServer, ServesOverNonBlockingPipes) {
  int to[2];
  int from[2];
  ASSERT_EQ(::pipe2(to, O_CLOEXEC | O_NONBLOCK), 0);
  ASSERT_EQ(::pipe2(from, O_CLOEXEC | O_NONBLOCK), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(to[1]);
    ::close(from[0]);
    std::exit(serve(to[0], from[1]));
  }
  ::close(to[0]);
  ::close(from[1]);
  const auto init = framed(packet(Type::kInit, 3));
  ASSERT_EQ(::write(to[1], init.data(), init.size()), static_cast<ssize_t>(init.size()));
  struct pollfd wait{.fd = from[0], .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  char reply[4096];
  EXPECT_GT(::read(from[0], reply, sizeof reply), 100);
  ::close(to[1]);
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  ::close(from[0]);
}

}  // namespace
}  // namespace rdev::sftp
