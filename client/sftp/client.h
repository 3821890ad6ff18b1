#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/sftp/packet.h"
#include "protocol/base/asio.h"
#include "protocol/stream/stream.h"

namespace rdev::sftp {

// Looks at files through an SFTP server, without a shell there. One call at a time; what is asked
// in one goes out at once, so that it costs one round trip. Code::kNotFound and Code::kPermission
// are of the file; Code::kClosed and Code::kProtocol end the client.
class Client final {
 public:
  static awaitable<Result<std::unique_ptr<Client>>> start(std::unique_ptr<stream::Stream> server);

  // In the order of `paths`, at most kMostAtOnce of them.
  static constexpr std::size_t kMostAtOnce = 1000;
  awaitable<Result<std::vector<Result<Attributes>>>> stat(std::vector<std::string> paths);
  awaitable<Result<FileSystem>> statvfs(std::string path);
  // Its beginning, up to `max_bytes`: files of /proc do not tell their size.
  awaitable<Result<std::string>> read(std::string path, std::size_t max_bytes);

 private:
  explicit Client(std::unique_ptr<stream::Stream> server) : server_(std::move(server)) {}

  awaitable<Result<Reply>> receive();
  // Sends packets whose ids begin with `first`, and gets as many replies, by id.
  awaitable<Result<std::vector<Reply>>> exchange(std::string packets, std::uint32_t first,
                                                 std::size_t count);
  awaitable<Result<Reply>> ask(std::string packet);
  awaitable<Result<std::string>> read_open(const std::string& handle, std::size_t max_bytes);

  std::unique_ptr<stream::Stream> server_;
  std::uint32_t next_id_ = 1;
  std::string received_;  // behind the last packet
};

}  // namespace rdev::sftp
