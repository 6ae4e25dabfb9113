/* Random numbers for std's HashMap: wine 8 has no bcryptprimitives.dll. Windows has, and does not need this. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
    return RtlGenRandom(data, (ULONG)size);
}
