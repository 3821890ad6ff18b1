#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "client/front/streams.h"
#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/laptop.pb.h"
#include "protocol/link/endpoint.h"
#include "protocol/rdev.pb.h"

namespace rdev::tunnels {

// A link that is up: link_process::Attached, or a fake.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual awaitable<Result<link::Opened>> open(StreamRequest request) = 0;
  // Resolves when it is gone and all its streams with it. Code::kClosed: for good, the job is over.
  virtual awaitable<Error> lost() = 0;
};

// The agent wants a stream below one of ours.
using OnOpen =
    std::function<void(const StreamRequest&, mux::StreamId, std::unique_ptr<link::Offer>)>;
// Waits for a link, within a bound of its own. Code::kClosed and Code::kNotFound: the job is over.
using Connect = std::function<awaitable<Result<std::shared_ptr<Connection>>>(OnOpen)>;

struct SharedLinkOptions {
  // How long a stream waits for a link.
  std::chrono::milliseconds patience{30000};
  // Between attempts, doubled each time; only the first while a stream waits.
  std::chrono::milliseconds first_pause{1000}, longest_pause{30000};
  // How long first_attempt() waits.
  std::chrono::milliseconds first_limit{3000};
};

// The link as the tunnels of a process use it: the connections below it come and go. shared_ptr:
// pending calls keep a connection that is lost.
class SharedLink final : public front::Streams {
 public:
  SharedLink(const asio::any_io_executor& executor, Connect connect, SharedLinkOptions options);
  SharedLink(const SharedLink&) = delete;
  SharedLink& operator=(const SharedLink&) = delete;

  // Keeps the link up, also when nobody waits for it, until the job is over, and says why it is.
  awaitable<Error> run();

  // Waits for the link when there is none, and for the next one when it is lost meanwhile;
  // otherwise takes one round trip. Other errors than
  // Code::kClosed and Code::kTimeout: refused by the agent.
  awaitable<Result<link::Opened>> open(StreamRequest request) override;

  // The same for a stream below which the agent opens others: `accepted` gets them until forget().
  awaitable<Result<link::Opened>> listen(StreamRequest request,
                                         front::OnAccepted accepted) override;
  void forget(mux::StreamId id) override;

  // Without a bound; the error when there will be no link any more.
  awaitable<Result<void>> wait_until_up();
  // How many links there have been; whether another one than `known` comes up within `limit`.
  std::uint64_t links() const { return links_; }
  awaitable<bool> wait_for_another(std::uint64_t known, std::chrono::milliseconds limit);

  // Resolves when the first attempt has come to something, or lasts too long. Only a job that is
  // over is an error.
  awaitable<Result<void>> first_attempt();

  // Resolves when there is none any more, or the first attempt has failed: why.
  awaitable<Error> lost();

  bool up() const { return connection_ != nullptr; }
  // Why there is no link.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  void on_open(const StreamRequest& request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer);
  awaitable<void> pause(std::chrono::milliseconds length);
  awaitable<Result<void>> wait_for_first();
  awaitable<Result<void>> wait_for_links(std::uint64_t known);
  awaitable<Result<std::shared_ptr<Connection>>> next(std::shared_ptr<Connection> lost);
  awaitable<Result<std::shared_ptr<Connection>>> wait_for_next(std::shared_ptr<Connection> lost);

  struct Early {
    mux::StreamId parent = 0;
    Accepted accepted;
    std::unique_ptr<link::Offer> offer;
  };

  Connect connect_;
  SharedLinkOptions options_;
  std::shared_ptr<Connection> connection_;
  std::optional<Error> problem_;
  std::optional<Error> over_;      // there will be no link any more
  std::uint64_t links_ = 0;        // so far
  std::uint64_t attempts_ = 0;     // begun
  std::uint64_t last_failed_ = 0;  // of these
  std::size_t waiting_ = 0;        // streams that wait for a link
  base::Notify changed_;
  asio::steady_timer pause_;
  std::map<mux::StreamId, front::OnAccepted> accepted_;
  std::size_t listening_ = 0;  // listen() calls whose id is not known yet
  std::vector<Early> early_;   // for these, at most kMaxEarly
};

}  // namespace rdev::tunnels
