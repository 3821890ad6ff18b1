#include "client/carrier/carrier.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace rdev::carrier {

Result<Carrier::Started> Carrier::start(const std::vector<std::string>& argv) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno("socketpair");
  }
  base::Fd ours(pair[0]);
  const base::Fd theirs(pair[1]);
  base::Fd errors(::memfd_create("carrier-stderr", MFD_CLOEXEC));
  if (!errors) {
    return fail_errno("memfd_create");
  }
  auto child = Child::spawn(argv, theirs.get(), theirs.get(), errors.get());
  if (!child) {
    return tl::make_unexpected(child.error());
  }
  return Started{std::move(ours),
                 std::unique_ptr<Carrier>(new Carrier(std::move(*child), std::move(errors)))};
}

std::string Carrier::complaint() const {
  std::array<char, 1024> buffer;
  const ssize_t n = ::pread(errors_.get(), buffer.data(), buffer.size(), 0);
  std::string text;
  for (ssize_t i = 0; i < n; ++i) {
    const char c = buffer[static_cast<std::size_t>(i)];
    if (c == '\n') {
      text += text.empty() || text.ends_with(' ') ? "" : "; ";
    } else if (static_cast<unsigned char>(c) >= ' ') {
      text += c;
    }
  }
  while (text.ends_with(' ') || text.ends_with(';')) {
    text.pop_back();
  }
  return text;
}

}  // namespace rdev::carrier
