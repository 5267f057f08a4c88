/* dialog.exe TITLE BUTTON: waits for a message box with this title, writes its texts to stdout as UTF-8, presses the
   button with this number (IDOK 1, IDYES 6, IDNO 7), and ends when the box is gone; with 0 it presses none and ends at
   once. Code 1: no such box within a minute, or it does not go away. */
#include <stdio.h>
#include <windows.h>

#define POLL_MS 50
#define POLLS 1200

static BOOL CALLBACK tell(HWND child, LPARAM unused) {
    WCHAR text[4096];
    char utf8[3 * 4096];
    DWORD_PTR length = 0;
    (void)unused;
    /* GetWindowText does not read the controls of another process. */
    if (!SendMessageTimeoutW(child, WM_GETTEXT, 4096, (LPARAM)text, SMTO_ABORTIFHUNG, 5000, &length) || length == 0) return TRUE;
    int bytes = WideCharToMultiByte(CP_UTF8, 0, text, (int)length, utf8, sizeof utf8, NULL, NULL);
    fwrite(utf8, 1, (size_t)bytes, stdout);
    fputc('\n', stdout);
    return TRUE;
}

int wmain(int count, WCHAR **words) {
    if (count != 3) return 2;
    HWND box = NULL;
    for (int i = 0; i < POLLS && !box; i++) {
        box = FindWindowW(L"#32770", words[1]);
        if (!box) Sleep(POLL_MS);
    }
    if (!box) return 1;
    EnumChildWindows(box, tell, 0);
    fflush(stdout);
    const int button = _wtoi(words[2]);
    if (button == 0) return 0;
    for (int i = 0; i < POLLS && IsWindow(box); i++) {
        PostMessageW(box, WM_COMMAND, MAKEWPARAM(button, BN_CLICKED), 0);
        Sleep(POLL_MS);
    }
    return IsWindow(box) ? 1 : 0;
}
