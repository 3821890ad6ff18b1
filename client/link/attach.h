#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/state/paths.h"
#include "protocol/base/asio.h"
#include "protocol/laptop.pb.h"
#include "protocol/link/endpoint.h"
#include "protocol/rdev.pb.h"

namespace rdev::link_process {

struct AttachOptions {
  std::string what;  // "exec", "proxy", "tunnels": for status and log
  // Throughput before the latency of its own streams: twice as much may wait in the socket to the
  // link process (its buffer as large as users may make it).
  bool bulk = false;
  // How long to wait for a link that is not up.
  std::chrono::seconds limit{30};
  // Told what the link waits for, each time that changes; for a person.
  std::function<void(const std::string& why)> waiting;
  // The agent wants a stream below one of ours (`accepted` of a `listen`); without it, refused.
  std::function<void(const StreamRequest&, mux::StreamId parent, std::unique_ptr<link::Offer>)>
      on_open;
};

// How every other process of the laptop uses a job's link: its own connection to the link process,
// over which it owns the ends of its streams.
class Attached final {
 public:
  // Starts the link process when there is none (two at once start one) and waits until streams can
  // be opened. Code::kNotFound: no such job; Code::kClosed: the job is over; Code::kTimeout and
  // Code::kUnavailable say why the agent cannot be reached. SIGPIPE is ignored from then on.
  static awaitable<Result<std::unique_ptr<Attached>>> attach(const state::Paths& paths,
                                                             std::string job,
                                                             AttachOptions options);
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  // Ends the streams that are left.
  ~Attached();

  // As link::Endpoint::open().
  awaitable<Result<link::Opened>> open(const StreamRequest& request);
  // Resolves when the connection to the agent, or the link process, is gone: no stream works any
  // more, and another attach() is needed.
  awaitable<Error> lost();
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;

 private:
  struct Impl;
  explicit Attached(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// What the job's link process says of itself; nullopt when there is none. Never starts one.
awaitable<Result<std::optional<LinkStatus>>> ask_status(const state::Paths& paths, std::string job);
// Ends the job's link process, if there is one, and waits until it has ended.
awaitable<Result<void>> stop(const state::Paths& paths, std::string job);

}  // namespace rdev::link_process
