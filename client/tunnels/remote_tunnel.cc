#include "client/tunnels/remote_tunnel.h"

#include <algorithm>
#include <utility>

#include "client/tunnels/target.h"
#include "protocol/base/with_timeout.h"

namespace rdev::tunnels {
namespace {

StreamRequest request_for(const Tunnel& tunnel) {
  StreamRequest request;
  Listen& listen = *request.mutable_listen();
  listen.set_path(tunnel.listen_path());
  listen.set_host(tunnel.listen_host());
  listen.set_port(tunnel.listen_port());
  return request;
}

// Until the stream ends; why it did.
awaitable<Error> wait_for_end(stream::Stream& stream) {
  char ignored[256];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(ignored));
    if (!n) {
      co_return Error{Code::kClosed, "the link is lost (" + n.error().message + ")"};
    }
    if (*n == 0) {
      co_return Error{Code::kClosed, "the agent has stopped listening"};
    }
  }
}

}  // namespace

RemoteTunnel::RemoteTunnel(const asio::any_io_executor& executor, SharedLink& link, Tunnel tunnel,
                           std::string job, Options options)
    : link_(link),
      ledger_{.tunnel = std::move(tunnel), .job = std::move(job)},
      options_(options),
      answered_(executor),
      tasks_(executor) {}

awaitable<Result<void>> RemoteTunnel::open() {
  if (!started_) {
    started_ = true;
    tasks_.spawn("listen", keep_open());
  }
  const std::uint64_t before = answers_;
  while (!ledger_.problem.empty() && answers_ == before) {
    co_await answered_.wait();
  }
  if (!ledger_.problem.empty()) {
    co_return fail(Code::kUnavailable, ledger_.problem);
  }
  co_return Result<void>{};
}

awaitable<void> RemoteTunnel::keep_open() {
  auto pause = options_.first_pause;
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    const std::uint64_t links = link_.links();
    const auto ended = co_await listen_once();
    if (!ended) {
      ledger_.failed(ended.error());
      ++answers_;
      answered_.notify();
    } else if (std::chrono::steady_clock::now() - began > pause) {
      pause = options_.first_pause;
    }
    // A new link is reason enough to ask at once: with the old one went the agent's listener.
    if (co_await link_.wait_for_another(links, pause)) {
      pause = options_.first_pause;
    } else {
      pause = std::min(pause * 2, options_.longest_pause);
    }
    if (!co_await link_.wait_until_up()) {
      started_ = false;
      co_return;
    }
  }
}

// From the question to the end of the listening; the error when it did not come to that.
awaitable<Result<void>> RemoteTunnel::listen_once() {
  const front::OnAccepted accepted = [this](const Accepted&, std::unique_ptr<link::Offer> offer) {
    accept(std::move(offer));
  };
  auto opened = co_await link_.listen(request_for(ledger_.tunnel), accepted);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  struct Forget {
    SharedLink& link;
    mux::StreamId id;
    ~Forget() { link.forget(id); }
  };
  const Forget forget{link_, opened->id};
  Listening answer;
  if (!answer.ParseFromString(opened->answer) || answer.port() > 65535) {
    co_return fail(Code::kProtocol, "the agent did not say where it listens");
  }
  ledger_.opened(answer.port());
  ++answers_;
  answered_.notify();
  const Error ended = co_await wait_for_end(*opened->stream);
  ledger_.failed(ended);
  co_return Result<void>{};
}

void RemoteTunnel::accept(std::unique_ptr<link::Offer> offer) {
  if (accepted_ >= options_.connections) {
    const Error why{Code::kLimit, "there are " + std::to_string(accepted_) +
                                      " connections already, which is all that it takes"};
    ledger_.refused(why);
    offer->refuse(stream::Refusal::kResourceShortage, why.message);
    return;
  }
  tasks_.spawn("connection", serve(std::move(offer)));
}

awaitable<void> RemoteTunnel::serve(std::unique_ptr<link::Offer> offer) {
  struct Place {
    explicit Place(std::uint32_t& number) : count(number) { ++count; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --count; }
    std::uint32_t& count;
  };
  const Place place(accepted_);
  auto socket = co_await base::with_timeout(connect_target(ledger_.tunnel), options_.connect_limit,
                                            "connecting to the target");
  if (!socket) {
    ledger_.refused(socket.error());
    offer->refuse(stream::Refusal::kConnectFailed, socket.error().message);
    co_return;
  }
  Socket joined = adopt(tasks_.executor(), std::move(*socket));
  auto stream = offer->accept({});
  co_await relay(std::move(joined), std::move(stream), ledger_.traffic);
}

awaitable<void> RemoteTunnel::stop() {
  ++answers_;
  answered_.notify();
  tasks_.cancel();
  co_await tasks_.wait();
}

}  // namespace rdev::tunnels
