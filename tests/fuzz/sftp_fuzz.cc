// Bytes from a client: framed, decoded, and, where a request can change nothing outside of its
// handles, carried out, on a file and a directory of our own.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/sftp/dispatch.h"

namespace {

using rdev::sftp::Type;

// Requests that act on a handle, or only look. Every other one is decoded and not carried out.
bool harmless(Type type) {
  switch (type) {
    case Type::kClose:
    case Type::kRead:
    case Type::kWrite:
    case Type::kLstat:
    case Type::kFstat:
    case Type::kReaddir:
    case Type::kRealpath:
    case Type::kStat:
    case Type::kReadlink:
      return true;
    default:
      return false;
  }
}

void serve(rdev::sftp::Session& session, std::string_view bytes) {
  for (;;) {
    const auto packet = rdev::sftp::first_packet(bytes);
    if (!packet || !*packet) {
      return;
    }
    if (!rdev::sftp::decode(**packet)) {
      return;
    }
    if (harmless(static_cast<Type>((*packet)->front()))) {
      session.out.clear();
      if (!rdev::sftp::dispatch(session, **packet) ||
          !rdev::sftp::first_packet(session.out.pending()).value()) {
        std::abort();  // what decodes is answered, with a whole packet
      }
    }
    bytes.remove_prefix(4 + (*packet)->size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("fuzz", 0);
  rdev::sftp::Session session;
  session.handles.add(rdev::base::Fd(::dup(file)));  // 00000000 00000001
  session.handles.add(::opendir("/proc/self"));      // 00000001 00000001
  serve(session, {reinterpret_cast<const char*>(data), size});
  if (::ftruncate(file, 0) != 0) {
    std::abort();
  }
  return 0;
}
