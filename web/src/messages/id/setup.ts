import type { setup as en } from "@/messages/en/setup";

export const setup: Record<keyof typeof en, string> = {
  "setup.title": "Siapkan chasqui",
  "setup.text": "Buat organisasi pertama dan akun Anda. Hanya semenit.",
  "setup.link": "Tautan penyiapan",
  "setup.link.text": "Server menampilkannya saat mulai, dan “chasqui setup-link” menampilkannya lagi. Tempel di sini.",
  "setup.organisation": "Organisasi",
  "setup.organisation.text": "Perusahaan atau tim Anda; namanya bisa diganti nanti.",
  "setup.action": "Buat dan masuk",
  "setup.note": "Anda menjadi adminnya dan bisa mengundang orang lain.",
  "setup.done": "Sudah disiapkan",
  "setup.done.text": "Sudah ada organisasi di sini. Masuk, atau minta undangan kepada adminnya.",
  "setup.offer": "Belum ada siapa-siapa",
  "setup.offer.text": "chasqui ini masih baru.",
  "setup.offer.action": "Siapkan",
};
