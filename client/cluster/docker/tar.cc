#include "client/cluster/docker/tar.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace rdev::cluster::docker {
namespace {

constexpr std::size_t kBlock = 512;

// POSIX.1-1988 ustar.
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == kBlock);

template <std::size_t N>
void put_number(char (&field)[N], std::uint64_t value) {
  if (value >> (3 * (N - 1)) != 0) {
    for (std::size_t i = N; i-- > 0; value >>= 8) {
      field[i] = static_cast<char>(value & 0xff);
    }
    field[0] = static_cast<char>(0x80);
    return;
  }
  field[N - 1] = '\0';
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) {
    field[i] = static_cast<char>('0' + (value & 7));
  }
}

template <std::size_t N>
std::optional<std::uint64_t> get_number(const char (&field)[N]) {
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    for (std::size_t i = N > 8 ? N - 8 : 1; i < N; ++i) {
      value = value << 8 | static_cast<unsigned char>(field[i]);
    }
    return value;
  }
  for (const char c : field) {
    if (c >= '0' && c <= '7') {
      value = value << 3 | static_cast<std::uint64_t>(c - '0');
    } else if (c != ' ' && c != '\0') {
      return std::nullopt;
    }
  }
  return value;
}

// The sum of the header's bytes with the field itself as blanks.
std::uint64_t checksum(const Header& header) {
  Header copy = header;
  std::memset(copy.checksum, ' ', sizeof copy.checksum);
  std::uint64_t sum = 0;
  unsigned char bytes[kBlock];
  std::memcpy(bytes, &copy, kBlock);
  for (const unsigned char byte : bytes) {
    sum += byte;
  }
  return sum;
}

template <std::size_t N>
std::string_view text_of(std::string_view archive, std::size_t offset, const char (&field)[N]) {
  return archive.substr(offset, ::strnlen(field, N));
}

}  // namespace

void TarWriter::add_header(std::string_view name, char type, std::uint32_t mode, Owner owner,
                           std::uint64_t size) {
  Header header{};
  assert(name.size() <= sizeof header.name);
  name.copy(header.name, sizeof header.name);
  put_number(header.mode, mode);
  put_number(header.uid, owner.uid);
  put_number(header.gid, owner.gid);
  put_number(header.size, size);
  put_number(header.mtime, static_cast<std::uint64_t>(mtime_));
  header.type = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  put_number(header.checksum, checksum(header));
  archive_.append(reinterpret_cast<const char*>(&header), sizeof header);
}

void TarWriter::add_file(std::string_view name, std::uint32_t mode, Owner owner,
                         std::string_view bytes) {
  archive_.reserve(archive_.size() + bytes.size() + 4 * kBlock);
  add_header(name, '0', mode, owner, bytes.size());
  archive_.append(bytes);
  archive_.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
}

void TarWriter::add_dir(std::string_view name, std::uint32_t mode, Owner owner) {
  add_header(name, '5', mode, owner, 0);
}

std::string TarWriter::finish() {
  archive_.append(2 * kBlock, '\0');
  return std::exchange(archive_, {});
}

Result<std::optional<TarEntry>> first_entry(std::string_view archive) {
  while (archive.size() >= kBlock) {
    Header header;
    std::memcpy(&header, archive.data(), kBlock);
    if (header.name[0] == '\0') {
      return std::nullopt;  // the end mark
    }
    const auto sum = get_number(header.checksum);
    const auto size = get_number(header.size);
    if (!sum || !size || *sum != checksum(header) || *size > archive.size() - kBlock) {
      return fail(Code::kProtocol, "the engine sent a damaged tar archive");
    }
    TarEntry entry;
    entry.name = text_of(archive, offsetof(Header, name), header.name);
    if (header.type == '0' || header.type == '\0') {
      entry.bytes = archive.substr(kBlock, *size);
      return entry;
    }
    if (header.type == '2') {
      entry.link = text_of(archive, offsetof(Header, link), header.link);
      return entry;
    }
    // Extended headers (x, g, L, K) and directories go before it.
    const std::size_t padded = kBlock + (*size + kBlock - 1) / kBlock * kBlock;
    archive.remove_prefix(std::min(padded, archive.size()));
  }
  return std::nullopt;
}

}  // namespace rdev::cluster::docker
