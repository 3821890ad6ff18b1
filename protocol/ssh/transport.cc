#include "protocol/ssh/transport.h"

#include <fcntl.h>
#include <libssh/libssh.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "protocol/ssh/shim.h"
#include "protocol/ssh/wire.h"

namespace rdev::ssh {
namespace {

// Senders park above so much, and go on below a half: everything here waits in front of the next
// keystroke. Where the rate is known it is what goes out in 1.3 ms, within these bounds; the kernel
// has another 1 (Tcp). A socket that has just taken all of it at once makes nobody wait: it gets up
// to the most, in fewer and larger writes.
constexpr std::size_t kFirstPark = std::size_t{64} * 1024;
constexpr std::size_t kLeastPark = kFirstPark / 4;
constexpr std::size_t kMostPark = 4 * kFirstPark;
constexpr std::uint64_t kParkPerSecond = 768;  // of the rate
// Answers and credit are never parked. A peer that asks and does not read is cut off here.
constexpr std::size_t kMostWaiting = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kAckAtOnce = 4096;  // Tcp::acknowledge_at_once()
// How long a goodbye may take to leave.
constexpr std::chrono::seconds kLinger{3};
// One turn of the loop for one session.
constexpr int kReadsPerPump = 8;

}  // namespace

void Transport::Owner::on_auth_request(std::string_view) {}
bool Transport::Owner::may_login(std::string_view, const PublicKey&, Proof) { return false; }

void Transport::FreeSession::operator()(ssh_session session) const { ssh_free(session); }
void Transport::FreeHook::operator()(rdev_ssh_hook* hook) const { rdev_ssh_hook_free(hook); }

Transport::Transport(const asio::any_io_executor& executor, Owner& owner)
    : executor_(executor),
      owner_(&owner),
      session_(ssh_new()),
      descriptor_(executor),
      linger_(executor),
      progress_(executor),
      park_above_(kFirstPark) {}

Transport::~Transport() {
  if (event_ != nullptr) {
    ssh_event_remove_session(event_, session_.get());
    ssh_event_free(event_);
  }
}

void Transport::detach() {
  owner_ = nullptr;
  if (!ended_ && !ending_) {
    disconnect(DisconnectReason::kByApplication, "");
  }
}

int Transport::adopt(base::Fd socket) {
  const int theirs = ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
  boost::system::error_code error;
  if (theirs >= 0) {
    descriptor_.assign(socket.get(), error);
  }
  if (theirs < 0 || error) {
    const base::Fd unused(theirs);
    return -1;
  }
  tcp_ = Tcp(socket.release());
  return theirs;
}

Result<void> Transport::attach() {
  event_ = ssh_event_new();
  if (event_ == nullptr || ssh_event_add_session(event_, session_.get()) != SSH_OK) {
    return fail(Code::kFailed, std::string("libssh: ") + ssh_get_error(session_.get()));
  }
  schedule_pump();
  return {};
}

void Transport::send(std::string_view head, std::string_view body) {
  if (ended_ || ending_) {
    return;
  }
  if (rdev_ssh_exchanging_keys(session_.get()) != 0) {
    queued_ += head.size() + body.size();
  }
  // A failure leaves the session dead, which the pump sees.
  rdev_ssh_send(session_.get(), head.data(), head.size(), body.data(), body.size());
  schedule_pump();
  update_congestion();
  if (rdev_ssh_waiting(session_.get()) + queued_ > kMostWaiting) {
    disconnect(DisconnectReason::kByApplication, "you do not read the answers to your requests");
  }
}

void Transport::disconnect(DisconnectReason reason, std::string_view why) {
  if (ended_ || ending_) {
    return;
  }
  ending_ = Error{Code::kClosed, "disconnected: " + std::string(why)};
  const std::string goodbye = Writer()
                                  .u8(static_cast<std::uint8_t>(Message::kDisconnect))
                                  .u32(static_cast<std::uint32_t>(reason))
                                  .string(why)
                                  .string("")
                                  .take();
  rdev_ssh_send(session_.get(), goodbye.data(), goodbye.size(), nullptr, 0);
  linger_.expires_after(kLinger);
  // Also keeps this object, whose owner may be gone, until the goodbye has left.
  linger_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) {
      self->finish(*self->ending_);
    }
  });
  schedule_pump();
}

void Transport::schedule_pump() {
  if (pump_scheduled_) {
    return;
  }
  pump_scheduled_ = true;
  asio::post(executor_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->pump_scheduled_ = false;
      self->pump(false);
    }
  });
}

void Transport::pump(bool readable) {
  if (ended_) {
    return;
  }
  if (rdev_ssh_authenticated(session_.get()) == 0) {
    pump_libssh();
  } else {
    for (int i = 0; readable && i < kReadsPerPump && !is_over(); ++i) {
      readable = receive();
    }
    if (!is_over()) {
      flush();
    }
  }
  if (!ended_) {
    settle();
  }
}

// Until authentication is over libssh has more to do than to read and write.
void Transport::pump_libssh() {
  for (int i = 0; i < kReadsPerPump && !ended_; ++i) {
    if (ssh_event_dopoll(event_, 0) != SSH_OK || is_over()) {
      break;
    }
  }
}

bool Transport::receive() {
  const std::size_t n = rdev_ssh_receive(hook_.get(), session_.get());
  if (n > 0 && n <= kAckAtOnce && !is_over()) {
    tcp_.acknowledge_at_once();
  }
  return n == kRdevSshReadBytes;
}

bool Transport::is_over() const { return ended_ || rdev_ssh_dead(session_.get()) != 0; }

void Transport::flush() {
  const bool parked = rdev_ssh_waiting(session_.get()) >= park_above_;
  rdev_ssh_flush(session_.get());
  tcp_.sent();
  if (rdev_ssh_waiting(session_.get()) > 0) {
    park_above_ = tcp_.rate() == 0 ? kFirstPark
                                   : std::clamp<std::size_t>(tcp_.rate() / kParkPerSecond,
                                                             kLeastPark, kMostPark);
  } else if (parked) {
    park_above_ = std::min(2 * park_above_, kMostPark);
  }
}

void Transport::settle() {
  if (rdev_ssh_dead(session_.get()) != 0) {
    return finish(closing_error());
  }
  if (ending_ && rdev_ssh_waiting(session_.get()) == 0) {
    return finish(*ending_);
  }
  update_congestion();
  progress_.notify();
  wait_for_socket();
}

void Transport::update_congestion() {
  const bool exchanging = rdev_ssh_exchanging_keys(session_.get()) != 0;
  const std::size_t waiting = rdev_ssh_waiting(session_.get());
  if (!exchanging) {
    queued_ = 0;
  }
  if (!congested_) {
    congested_ = exchanging || waiting >= park_above_;
  } else if (!exchanging && waiting <= park_above_ / 2) {
    congested_ = false;
    if (owner_ != nullptr) {
      owner_->on_writable();
    }
  }
}

void Transport::wait_for_socket() {
  using Descriptor = asio::posix::stream_descriptor;
  if (!waits_read_) {
    waits_read_ = true;
    descriptor_.async_wait(Descriptor::wait_read,
                           [weak = weak_from_this()](boost::system::error_code) {
                             if (const auto self = weak.lock(); self && !self->ended_) {
                               self->waits_read_ = false;
                               self->pump(true);
                             }
                           });
  }
  const bool pending = rdev_ssh_authenticated(session_.get()) != 0
                           ? rdev_ssh_waiting(session_.get()) > 0
                           : (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
  if (!waits_write_ && pending) {
    waits_write_ = true;
    descriptor_.async_wait(Descriptor::wait_write,
                           [weak = weak_from_this()](boost::system::error_code) {
                             if (const auto self = weak.lock(); self && !self->ended_) {
                               self->waits_write_ = false;
                               self->pump(false);
                             }
                           });
  }
}

Error Transport::closing_error() const {
  if (ending_) {
    return *ending_;
  }
  if (const char* goodbye = rdev_ssh_goodbye(session_.get()); goodbye != nullptr) {
    return {Code::kClosed, "the SSH peer said goodbye: " + printable(goodbye)};
  }
  return {Code::kClosed, "the SSH connection ended: " + printable(ssh_get_error(session_.get()))};
}

void Transport::finish(Error why) {
  if (ended_) {
    return;
  }
  const auto keep = shared_from_this();
  ended_ = std::move(why);
  linger_.cancel();
  descriptor_.close();
  ssh_event_remove_session(event_, session_.get());
  ssh_event_free(std::exchange(event_, nullptr));
  session_.reset();
  progress_.notify();
  if (owner_ != nullptr) {
    std::exchange(owner_, nullptr)->on_closed(*ended_);
  }
}

void Transport::on_packet(void* self, std::uint8_t type, const std::uint8_t* payload,
                          std::size_t size) noexcept {
  auto& transport = *static_cast<Transport*>(self);
  if (transport.owner_ == nullptr || transport.ending_) {
    return;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(payload), size);
  if (type == static_cast<std::uint8_t>(Message::kUserauthRequest)) {
    Reader request(bytes);
    request.string();  // user
    request.string();  // service
    transport.owner_->on_auth_request(request.string());
  } else {
    transport.owner_->on_packet(static_cast<Message>(type), bytes);
  }
}

}  // namespace rdev::ssh
