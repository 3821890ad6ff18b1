#include "protocol/sshd/client_channel.h"

#include "protocol/ssh/channel_stream.h"

namespace rdev::sshd {

awaitable<Result<std::unique_ptr<stream::Stream>>> open_client_channel(
    std::weak_ptr<ssh::Connection> connection, std::string type, std::string body) {
  auto alive = connection.lock();
  if (!alive) {
    co_return fail(Code::kClosed, "the SSH connection is gone");
  }
  auto opening = alive->open(type, body);
  alive.reset();  // not kept alive by what waits for it
  auto channel = co_await std::move(opening);
  if (!channel) {
    co_return tl::make_unexpected(channel.error());
  }
  co_return std::make_unique<ssh::ChannelStream>(*std::move(channel));
}

}  // namespace rdev::sshd
