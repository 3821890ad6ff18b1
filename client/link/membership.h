#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/link/attach.h"
#include "client/link/background.h"
#include "protocol/base/notify.h"
#include "protocol/stream/socket_stream.h"

namespace rdev::link_process {

// A consumer's side of its connection to the link process, or to one after the other. Shared by the
// Attached and the coroutine that carries the frames.
struct Membership : link::Endpoint::Handler {
  // Connects to the job's link process, which is started when there is none.
  using Connect = std::function<awaitable<Result<base::Fd>>()>;

  Membership(const asio::any_io_executor& executor, base::Fd socket, Connect again,
             AttachOptions asked);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership() override = default;

  // Says who we are and waits until streams may be opened.
  static awaitable<Result<void>> join(std::shared_ptr<Membership> self, std::string job);
  // After join() has failed: whether another link process may do better. One that hangs, or is of
  // another version and used by nobody, has ended then.
  static awaitable<bool> may_try_again(std::shared_ptr<Membership> self, Background background);
  static awaitable<Error> lost(std::shared_ptr<Membership> self);
  // Its owner has gone.
  void leave();

  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer) override;
  Result<void> on_frame(const wire::Frame& frame) override;

  const Connect connect;
  AttachOptions options;
  const std::uint32_t consumer;
  std::unique_ptr<stream::SocketStream> carrier;
  link::Endpoint endpoint;
  base::Notify changed;
  bool attached = false;  // once
  bool left = false;
  bool hangs = false;  // the link process
  bool told = false;   // why it is over
  std::optional<LinkStatus> status;
  std::optional<Error> over;

 private:
  static awaitable<void> run(std::shared_ptr<Membership> self);
  // The link process has died under us: another one carries our streams.
  static awaitable<Result<void>> reconnect(std::shared_ptr<Membership> self);
  void say_hello(bool resuming);
  static awaitable<Result<void>> answered(std::shared_ptr<Membership> self);
  static awaitable<Result<void>> settled(std::shared_ptr<Membership> self);
  Result<void> on_attached(std::string_view payload);
  Result<void> on_status(std::string_view payload);
  Result<void> on_lost(std::string_view payload);
};

}  // namespace rdev::link_process
