#include "client/tunnels/local_tunnel.h"

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "client/tunnels/socks_client.h"
#include "protocol/base/listener.h"
#include "protocol/base/with_timeout.h"

namespace rdev::tunnels {
namespace {

StreamRequest request_for(const Tunnel& tunnel) {
  StreamRequest request;
  if (tunnel.kind() == Tunnel::RAW) {
    request.mutable_ssh();
  } else if (!tunnel.target_path().empty()) {
    request.mutable_unix_socket()->set_path(tunnel.target_path());
  } else {
    request.mutable_tcp()->set_host(tunnel.target_host());
    request.mutable_tcp()->set_port(tunnel.target_port());
  }
  return request;
}

}  // namespace

LocalTunnel::LocalTunnel(const asio::any_io_executor& executor, SharedLink& link, Tunnel tunnel,
                         std::string job, Options options)
    : link_(link),
      ledger_{.tunnel = std::move(tunnel), .job = std::move(job)},
      options_(std::move(options)),
      request_(request_for(ledger_.tunnel)),
      tasks_(executor) {}

awaitable<Result<void>> LocalTunnel::open() {
  auto listening = listen();
  if (!listening && !trying_) {
    trying_ = true;
    tasks_.spawn("listen again", keep_trying());
  }
  co_return listening;
}

Result<void> LocalTunnel::listen() {
  if (ledger_.problem.empty()) {
    return {};
  }
  if (auto made = make_front(); !made) {
    ledger_.failed(made.error());
    return made;
  }
  auto bound = bind_near(ledger_.tunnel, options_.spoken_for);
  if (!bound) {
    ledger_.failed(bound.error());
    return tl::make_unexpected(bound.error());
  }
  bound_ = std::move(*bound);
  ledger_.opened(bound_.port);
  const auto accepted = [this](base::Fd socket) { accept(std::move(socket)); };
  for (const base::Fd& socket : bound_.tcp) {
    tasks_.spawn("accept", base::accept_loop(socket.get(), accepted));
  }
  for (const base::UnixListener& listener : bound_.unix_sockets) {
    tasks_.spawn("accept", base::accept_loop(listener.fd(), accepted));
  }
  return {};
}

Result<void> LocalTunnel::make_front() {
  if (ledger_.tunnel.kind() != Tunnel::CONNECT || front_) {
    return {};
  }
  auto keys = options_.keys ? options_.keys() : fail(Code::kFailed, "there are no keys for SSH");
  if (!keys) {
    return tl::make_unexpected(keys.error());
  }
  front_ = std::make_unique<front::Front>(tasks_.executor(), link_, *std::move(keys));
  tasks_.spawn("the link's end", end_with_link());
  return {};
}

// SSH clients learn why: what their channels were joined to has gone with the link.
awaitable<void> LocalTunnel::end_with_link() {
  do {
    const Error why = co_await link_.lost();
    front_->disconnect("the link to " + ledger_.job + " is lost: " + why.message);
  } while (co_await link_.wait_until_up());
}

const Ledger& LocalTunnel::ledger() const {
  if (front_) {
    ledger_.traffic.connections = static_cast<std::uint32_t>(front_->connections());
    ledger_.traffic.in = front_->passed().to_client;
    ledger_.traffic.out = front_->passed().to_service;
  }
  return ledger_;
}

awaitable<void> LocalTunnel::keep_trying() {
  asio::steady_timer timer(tasks_.executor());
  do {
    timer.expires_after(options_.pause);
    co_await timer.async_wait(use_tuple);
  } while (!listen());
  trying_ = false;
}

void LocalTunnel::accept(base::Fd socket) {
  const std::size_t open = front_ ? front_->connections() : accepted_;
  if (open >= options_.connections) {
    ledger_.refused({Code::kLimit, "there are " + std::to_string(open) +
                                       " connections already, which is all that it takes"});
    Socket excess = adopt(tasks_.executor(), std::move(socket));
    abort(excess);
    return;
  }
  if (front_) {
    return front_->serve(std::move(socket));
  }
  tasks_.spawn("connection", serve(std::move(socket)));
}

awaitable<void> LocalTunnel::serve(base::Fd fd) {
  struct Place {
    explicit Place(std::uint32_t& number) : count(number) { ++count; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --count; }
    std::uint32_t& count;
  };
  const Place place(accepted_);
  Socket socket = adopt(tasks_.executor(), std::move(fd));
  if (ledger_.tunnel.kind() == Tunnel::DYNAMIC) {
    co_return co_await serve_socks(std::move(socket));
  }
  auto opened = co_await link_.open(request_);
  if (!opened) {
    ledger_.refused(opened.error());
    abort(socket);
    co_return;
  }
  co_await relay(std::move(socket), std::move(opened->stream), ledger_.traffic);
}

awaitable<void> LocalTunnel::serve_socks(Socket socket) {
  Socks socks;
  const auto target = co_await base::with_timeout(ask_target(socket, socks), options_.handshake,
                                                  "the SOCKS handshake");
  if (!target) {
    ledger_.refused(target.error());
    co_return;  // it has got its answer, and gets an end
  }
  StreamRequest request;
  request.mutable_tcp()->set_host(target->host);
  request.mutable_tcp()->set_port(target->port);
  auto opened = co_await link_.open(request);
  if (!opened) {
    ledger_.refused(opened.error());
    (void)co_await say(socket, socks.refused(opened.error().code));
    co_return;
  }
  const std::string early = socks.rest();
  if (!co_await say(socket, socks.granted()) ||
      (!early.empty() && !co_await opened->stream->write(asio::buffer(early)))) {
    abort(socket);
    opened->stream->break_off();
    co_return;
  }
  ledger_.traffic.out += early.size();
  co_await relay(std::move(socket), std::move(opened->stream), ledger_.traffic);
}

awaitable<void> LocalTunnel::stop() {
  tasks_.cancel();
  co_await tasks_.wait();
  if (front_) {
    co_await front_->stop("the way to " + ledger_.job + " was closed");
  }
  bound_ = {};  // the accept loops borrow it
}

}  // namespace rdev::tunnels
