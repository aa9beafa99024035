// The functions of libnvidia-ml that the inventory calls, as a driver with two boards would answer them. The second
// board does not tell its CPUs, as in many virtual machines. FAKE_NVML_FAILS makes the driver fail.
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {

struct Memory {
  unsigned long long total, free, used;
};

int nvmlInit_v2() {
  return std::getenv("FAKE_NVML_FAILS") != nullptr ? 999 : 0;
}
int nvmlShutdown() {
  return 0;
}
const char* nvmlErrorString(int) {
  return "Unknown Error";
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  static int boards[2] = {0, 1};
  *handle = &boards[index];
  return 0;
}
int nvmlDeviceGetUUID(void* handle, char* text, unsigned size) {
  std::snprintf(text, size, "GPU-%d", *static_cast<int*>(handle));
  return 0;
}
int nvmlDeviceGetName(void*, char* text, unsigned size) {
  std::snprintf(text, size, "Fake H100");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
  *memory = {80ull << 30, 79ull << 30, 1ull << 30};
  return 0;
}
int nvmlDeviceGetCpuAffinity(void* handle, unsigned words, unsigned long* mask) {
  if (*static_cast<int*>(handle) == 1) return 3;
  std::memset(mask, 0, words * sizeof *mask);
  mask[0] = 0b101;
  mask[1] = 1;
  return 0;
}

}  // extern "C"
