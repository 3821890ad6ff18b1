#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "agent/sftp/codec.h"
#include "protocol/base/fd.h"

namespace rdev::sftp {

// The fields of a packet, by hand: what a client sends.
class Fields final {
 public:
  Fields& u8(std::uint8_t value) { return number(value, 1); }
  Fields& u32(std::uint32_t value) { return number(value, 4); }
  Fields& u64(std::uint64_t value) { return number(value, 8); }
  Fields& string(std::string_view bytes);
  const std::string& bytes() const { return bytes_; }

 private:
  Fields& number(std::uint64_t value, int size);
  std::string bytes_;
};

// The packet of `type` with `id` and the fields, without its length.
std::string packet(Type type, std::uint32_t id, const Fields& fields = {});
// A packet with its length in front.
std::string framed(std::string_view packet);

struct Reply {
  Type type{};
  std::uint32_t id = 0;  // VERSION: the version
  std::string body;

  Reader fields() const& { return Reader(body); }
  Reader fields() const&& = delete;  // it would outlive the body
  // Of a STATUS; -1 for every other type.
  int status() const;
  std::string message() const;
  // Of HANDLE, DATA, or the first name of NAME.
  std::string text() const;
};

// A server in a child process, working in a directory of its own that goes away with it.
class Client final {
 public:
  struct Options {
    mode_t umask = 022;
    unsigned max_fds = 0;  // 0: as they are
  };
  Client() : Client(Options{}) {}
  explicit Client(Options options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  const std::filesystem::path& directory() const { return directory_; }
  int fd() const { return socket_.get(); }
  pid_t pid() const { return pid_; }

  void send(std::string_view bytes);
  // The next reply; fails the test (and returns an empty one) at the end of the stream.
  Reply receive();
  // A request with an id of its own, and its reply.
  Reply ask(Type type, const Fields& fields = {});
  Reply extended(std::string_view name, const Fields& fields = {});

  // The handle; a failed open is a failed test.
  std::string open(std::string_view path, std::uint32_t flags,
                   const Fields& attributes = Fields().u32(0));
  Reply write(std::string_view handle, std::uint64_t offset, std::string_view data);
  Reply read(std::string_view handle, std::uint64_t offset, std::uint32_t length);

  // Closes our end and returns the server's exit code, and what it said on stderr.
  int finish();
  std::string errors() const;

 private:
  std::filesystem::path directory_;
  base::Fd socket_;
  pid_t pid_ = -1;
  std::uint32_t next_id_ = 1;
};

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace rdev::sftp
