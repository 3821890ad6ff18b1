#include "tests/unit/agent/sftp/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/sftp/server.h"

namespace rdev::sftp {

Fields& Fields::number(std::uint64_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes_.push_back(static_cast<char>(value >> shift));
  }
  return *this;
}

Fields& Fields::string(std::string_view bytes) {
  u32(static_cast<std::uint32_t>(bytes.size()));
  bytes_.append(bytes);
  return *this;
}

std::string packet(Type type, std::uint32_t id, const Fields& fields) {
  return Fields().u8(static_cast<std::uint8_t>(type)).u32(id).bytes() + fields.bytes();
}

std::string framed(std::string_view packet) { return Fields().string(packet).bytes(); }

int Reply::status() const {
  return type == Type::kStatus ? static_cast<int>(fields().get<std::uint32_t>()) : -1;
}

std::string Reply::message() const {
  auto in = fields();
  in.get<std::uint32_t>();
  return std::string(in.get<std::string_view>());
}

std::string Reply::text() const {
  auto in = fields();
  if (type == Type::kName) {
    in.get<std::uint32_t>();
  }
  return std::string(in.get<std::string_view>());
}

Client::Client(Options options) {
  std::string name = (std::filesystem::temp_directory_path() / "sftp-test.XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  directory_ = std::filesystem::canonical(name);
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(ends[0]);
    const int log = ::open((name + ".log").c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (log < 0 || ::dup2(log, STDERR_FILENO) < 0) {
      std::exit(98);
    }
    ::umask(options.umask);
    if (options.max_fds != 0) {
      const struct rlimit limit{.rlim_cur = options.max_fds, .rlim_max = options.max_fds};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::setenv("HOME", name.c_str(), 1);
    std::exit(::chdir(name.c_str()) == 0 ? serve(ends[1], ends[1]) : 99);
  }
  ::close(ends[1]);
  socket_.reset(ends[0]);
}

Client::~Client() {
  finish();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
  std::filesystem::remove(directory_.string() + ".log", ignored);
}

int Client::finish() {
  if (pid_ < 0) {
    return -1;
  }
  socket_.reset();
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Client::errors() const { return read_text(directory_.string() + ".log"); }

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(n, 0) << "the server does not read any more";
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

Reply Client::receive() {
  const auto exactly = [this](std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t n = size == 0 ? 0 : ::recv(socket_.get(), bytes.data(), size, MSG_WAITALL);
    EXPECT_EQ(n, static_cast<ssize_t>(size)) << "the server ended early: " << errors();
    return n == static_cast<ssize_t>(size) ? bytes : std::string();
  };
  const auto header = exactly(9);
  Reader in(header);
  const auto length = in.get<std::uint32_t>();
  Reply reply{
      .type = static_cast<Type>(in.get<std::uint8_t>()), .id = in.get<std::uint32_t>(), .body = {}};
  if (!in.good() || length < 5 || length > kMaxPacket) {
    ADD_FAILURE() << "a reply of " << length << " bytes";
    return {};
  }
  reply.body = exactly(length - 5);
  return reply;
}

Reply Client::ask(Type type, const Fields& fields) {
  const auto id = next_id_++;
  send(framed(packet(type, id, fields)));
  auto reply = receive();
  EXPECT_EQ(reply.id, id);
  return reply;
}

Reply Client::extended(std::string_view name, const Fields& fields) {
  Fields all;
  all.string(name);
  const auto id = next_id_++;
  send(framed(packet(Type::kExtended, id, all) + fields.bytes()));
  auto reply = receive();
  EXPECT_EQ(reply.id, id);
  return reply;
}

std::string Client::open(std::string_view path, std::uint32_t flags, const Fields& attributes) {
  const auto id = next_id_++;
  send(framed(packet(Type::kOpen, id, Fields().string(path).u32(flags)) + attributes.bytes()));
  const auto reply = receive();
  EXPECT_EQ(reply.id, id);
  EXPECT_EQ(reply.type, Type::kHandle) << path << ": " << reply.message();
  return reply.type == Type::kHandle ? reply.text() : "";
}

Reply Client::write(std::string_view handle, std::uint64_t offset, std::string_view data) {
  return ask(Type::kWrite, Fields().string(handle).u64(offset).string(data));
}

Reply Client::read(std::string_view handle, std::uint64_t offset, std::uint32_t length) {
  return ask(Type::kRead, Fields().string(handle).u64(offset).u32(length));
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace rdev::sftp
