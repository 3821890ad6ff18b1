#include "protocol/sshd/direct_forwards.h"

#include "protocol/ssh/channel_stream.h"

namespace rdev::sshd {
namespace {

constexpr std::uint32_t kMaxPort = 65535;
constexpr std::string_view kNotEnabled = "forwarding is not enabled here";

class ForwardOffer final : public stream::Offer {
 public:
  explicit ForwardOffer(std::unique_ptr<ssh::ChannelOffer> offer) : offer_(std::move(offer)) {}
  std::unique_ptr<stream::Stream> accept() override {
    return std::make_unique<ssh::ChannelStream>(offer_->accept());
  }
  void refuse(stream::Refusal why, std::string reason) override { offer_->refuse(why, reason); }

 private:
  std::unique_ptr<ssh::ChannelOffer> offer_;
};

// The coroutine keeps what the handler borrows.
template <class Handler, class Target>
awaitable<void> run(const Handler& handler, std::shared_ptr<const Peer> peer, Target target,
                    std::unique_ptr<stream::Offer> offer) {
  co_await handler(*peer, std::move(target), std::move(offer));
}

template <class Handler, class Target>
void serve(Host& host, const Handler& handler, const std::shared_ptr<const Peer>& peer,
           Target target, std::string_view name, std::unique_ptr<ssh::ChannelOffer> offer) {
  if (!handler || name.find('\0') != std::string_view::npos) {
    offer->refuse(stream::Refusal::kProhibited, kNotEnabled);
    return;
  }
  host.tasks.spawn("direct forward", run(handler, peer, std::move(target),
                                         std::make_unique<ForwardOffer>(std::move(offer))));
}

}  // namespace

Taken take_direct_forward(Host& host, const std::shared_ptr<const Peer>& peer,
                          std::string_view type, ssh::Reader body,
                          std::unique_ptr<ssh::ChannelOffer>& offer) {
  const bool tcp = type == "direct-tcpip";
  if (!tcp && type != "direct-streamlocal@openssh.com") {
    return Taken::kOtherType;
  }
  const std::string_view name = body.string();
  const std::uint32_t port = tcp ? body.u32() : 0;
  const std::string_view originator = body.string();  // of a unix socket: reserved, as the number
  const std::uint32_t originator_port = body.u32();
  if (!body.ok() || port > kMaxPort) {
    return Taken::kMalformed;
  }
  if (tcp) {
    TcpTarget target{.host = std::string(name),
                     .port = static_cast<std::uint16_t>(port),
                     .originator = std::string(originator),
                     .originator_port = static_cast<std::uint16_t>(originator_port)};
    serve(host, host.services.direct_tcpip, peer, std::move(target), name, std::move(offer));
  } else {
    serve(host, host.services.direct_streamlocal, peer, std::string(name), name, std::move(offer));
  }
  return Taken::kYes;
}

}  // namespace rdev::sshd
